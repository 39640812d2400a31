package lwm2m.fleet.leshan;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttribute;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributes;

/** Notification attributes (LwM2M Core §7.3.2) from the object of a command, such as {@code {"pmin": 0}}. */
final class Attributes {

    private Attributes() {}

    static LwM2mAttributeSet parse(JsonNode object) {
        if (!object.isObject() || object.isEmpty()) {
            throw new IllegalArgumentException("attributes are an object such as {\"pmin\": 0}");
        }
        List<LwM2mAttribute<?>> parsed = new ArrayList<>();
        Iterator<Map.Entry<String, JsonNode>> fields = object.fields();
        while (fields.hasNext()) {
            Map.Entry<String, JsonNode> field = fields.next();
            parsed.add(attribute(field.getKey(), field.getValue()));
        }
        return new LwM2mAttributeSet(parsed);
    }

    private static LwM2mAttribute<?> attribute(String name, JsonNode value) {
        if (!value.isNumber()) {
            throw new IllegalArgumentException("the attribute " + name + " is a number");
        }
        long whole = value.longValue();
        BigDecimal decimal = value.decimalValue();
        return switch (name) {
            case "pmin" -> LwM2mAttributes.create(LwM2mAttributes.MINIMUM_PERIOD, whole);
            case "pmax" -> LwM2mAttributes.create(LwM2mAttributes.MAXIMUM_PERIOD, whole);
            case "epmin" -> LwM2mAttributes.create(LwM2mAttributes.EVALUATE_MINIMUM_PERIOD, whole);
            case "epmax" -> LwM2mAttributes.create(LwM2mAttributes.EVALUATE_MAXIMUM_PERIOD, whole);
            case "gt" -> LwM2mAttributes.create(LwM2mAttributes.GREATER_THAN, decimal);
            case "lt" -> LwM2mAttributes.create(LwM2mAttributes.LESSER_THAN, decimal);
            case "st" -> LwM2mAttributes.create(LwM2mAttributes.STEP, decimal);
            default -> throw new IllegalArgumentException("unknown attribute " + name);
        };
    }
}
