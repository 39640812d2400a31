package lwm2m.fleet.leshan;

import java.util.Base64;
import java.util.Date;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.ObjectLink;

/** Values as the driver protocol has them: the text form of LwM2M (Core §7.4.1), opaque ones in base64. */
final class Values {

    private Values() {}

    static String text(LwM2mNode node) {
        if (node instanceof LwM2mResource resource && !resource.isMultiInstances()) {
            return text(resource.getValue());
        }
        if (node instanceof LwM2mResourceInstance instance) {
            return text(instance.getValue());
        }
        return String.valueOf(node);
    }

    private static String text(Object value) {
        if (value instanceof byte[] bytes) {
            return Base64.getEncoder().encodeToString(bytes);
        }
        if (value instanceof Boolean flag) {
            return flag ? "1" : "0";
        }
        if (value instanceof Date date) {
            return Long.toString(date.getTime() / 1000);
        }
        if (value instanceof ObjectLink link) {
            return link.getObjectId() + ":" + link.getObjectInstanceId();
        }
        return String.valueOf(value);
    }
}
