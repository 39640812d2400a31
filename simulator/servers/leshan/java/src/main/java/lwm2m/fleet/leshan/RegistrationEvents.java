package lwm2m.fleet.leshan;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collection;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;

/** Tells of registrations. */
final class RegistrationEvents implements RegistrationListener {

    private final JsonLines lines;

    RegistrationEvents(JsonLines lines) {
        this.lines = lines;
    }

    @Override
    public void registered(Registration now, Registration before, Collection<Observation> observationsBefore) {
        ObjectNode line = event("registered", now);
        if (before != null) {
            line.put("replaces", before.getId());
        }
        lines.tell(line);
    }

    @Override
    public void updated(RegistrationUpdate update, Registration now, Registration before) {
        lines.tell(event("updated", now));
    }

    @Override
    public void unregistered(
            Registration gone, Collection<Observation> observations, boolean expired, Registration replacedBy) {
        // A Register of an endpoint that is registered already comes here first, and then to registered().
        if (replacedBy == null) {
            lines.tell(event("deregistered", gone).put("cause", expired ? "expired" : "deregister"));
        }
    }

    private ObjectNode event(String kind, Registration registration) {
        return lines.event(kind).put("ep", registration.getEndpoint()).put("id", registration.getId());
    }
}
