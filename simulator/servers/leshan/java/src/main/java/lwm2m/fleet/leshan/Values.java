package lwm2m.fleet.leshan;

import java.util.Base64;
import java.util.Date;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.ObjectLink;
import org.eclipse.leshan.core.util.datatype.ULong;

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

    /** The value that a text stands for; Leshan wants the Java type that its model has, and writes the same text of it. */
    static Object typed(String text, Type type) {
        return switch (type) {
            case INTEGER -> Long.valueOf(text);
            case UNSIGNED_INTEGER -> ULong.valueOf(text);
            case FLOAT -> Double.valueOf(text);
            case BOOLEAN -> flag(text);
            case TIME -> new Date(Long.parseLong(text) * 1000);
            case OBJLNK -> ObjectLink.decodeFromString(text);
            case STRING -> text;
            default -> throw new IllegalArgumentException("a text is no value of type " + type);
        };
    }

    private static Boolean flag(String text) {
        if (!text.equals("0") && !text.equals("1")) {
            throw new IllegalArgumentException("a boolean is 0 or 1");
        }
        return text.equals("1");
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
