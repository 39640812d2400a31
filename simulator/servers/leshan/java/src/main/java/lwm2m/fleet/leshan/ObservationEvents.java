package lwm2m.fleet.leshan;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.registration.Registration;

/**
 * Tells of notifications, in the order in which Leshan gives them: that of its threads, which under load is not always
 * the order in which a device sent them.
 */
final class ObservationEvents implements ObservationListener {

    private final JsonLines lines;

    ObservationEvents(JsonLines lines) {
        this.lines = lines;
    }

    @Override
    public void onResponse(SingleObservation observation, Registration registration, ObserveResponse response) {
        if (response.isSuccess()) {
            ObjectNode line = event("notified", observation, registration);
            lines.tell(line.put("value", Values.text(response.getContent())));
        } else {
            String detail = Replies.code(response) + " " + response.getErrorMessage();
            lines.tell(event("notify_failed", observation, registration).put("detail", detail));
        }
    }

    @Override
    public void onError(Observation observation, Registration registration, Exception error) {
        if (observation instanceof SingleObservation single) {
            lines.tell(event("notify_failed", single, registration).put("detail", Replies.describe(error)));
        }
    }

    @Override
    public void onResponse(
            CompositeObservation observation, Registration registration, ObserveCompositeResponse response) {
        // No command asks for composite observations.
    }

    @Override
    public void newObservation(Observation observation, Registration registration) {
        // The answer to the command tells this.
    }

    @Override
    public void cancelled(Observation observation) {
        // An observation ends with its registration or by a command; both are told already.
    }

    private ObjectNode event(String kind, SingleObservation observation, Registration registration) {
        ObjectNode line = lines.event(kind).put("path", observation.getPath().toString());
        // A notification may come after its registration has gone.
        return line.put("ep", registration == null ? "" : registration.getEndpoint());
    }
}
