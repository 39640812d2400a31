package lwm2m.fleet.leshan;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.leshan.core.request.exception.RequestCanceledException;
import org.eclipse.leshan.core.request.exception.RequestRejectedException;
import org.eclipse.leshan.core.request.exception.TimeoutException;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ReadResponse;

/** The one answer line of a command. */
final class Replies {

    private final JsonLines lines;
    private final JsonNode id;
    private final AtomicBoolean answered = new AtomicBoolean();
    private volatile Future<?> expiry;

    Replies(JsonLines lines, JsonNode id) {
        this.lines = lines;
        this.id = id;
    }

    /** The device answered. */
    void response(LwM2mResponse response) {
        ObjectNode line = lines.line().put("code", code(response));
        if (response.isSuccess() && response instanceof ReadResponse read && read.getContent() != null) {
            line.put("value", Values.text(read.getContent()));
        }
        tell(line);
    }

    /** There is no answer of the device. */
    void error(Exception error) {
        // A Reset, and a request that Leshan gave up because its registration ended, leave open what became of it.
        boolean unknown = error instanceof TimeoutException
                || error instanceof RequestCanceledException
                || error instanceof RequestRejectedException;
        error(unknown ? "timeout" : "failed", describe(error));
    }

    void error(String kind, String detail) {
        tell(lines.line().put("error", kind).put("detail", detail));
    }

    /** Answers that there was no answer, unless there is one within so many milliseconds. */
    void expire(ScheduledExecutorService clock, long milliseconds) {
        Runnable late = () -> error("timeout", "the server gave no answer within " + milliseconds + " ms");
        expiry = clock.schedule(late, milliseconds, TimeUnit.MILLISECONDS);
    }

    void tell(ObjectNode line) {
        if (answered.compareAndSet(false, true)) {
            line.set("id", id);
            lines.tell(line);
            if (expiry != null) {
                expiry.cancel(false);
            }
        }
    }

    /** A code such as {@code 4.05} (RFC 7252 §3); Leshan has it as the number 405. */
    static String code(LwM2mResponse response) {
        int code = response.getCode().getCode();
        return String.format("%d.%02d", code / 100, code % 100);
    }

    static String describe(Exception error) {
        String message = error.getMessage();
        return message == null || message.isBlank() ? error.getClass().getSimpleName() : message;
    }
}
