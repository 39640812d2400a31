package lwm2m.fleet.leshan;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * The way out: lines of JSON, written by one thread in the order in which they were told.
 *
 * <p>Leshan tells of registrations and answers on the threads that also serve CoAP; none of them may wait for whoever
 * reads the lines. Lines that come in quick succession share a write.
 */
final class JsonLines {

    private static final byte[] END = new byte[0];

    private final ObjectMapper mapper = new ObjectMapper();
    private final BlockingQueue<byte[]> lines = new LinkedBlockingQueue<>();
    private final OutputStream out;
    private final Thread writer = new Thread(this::write, "json-lines");

    JsonLines(OutputStream out) {
        this.out = new BufferedOutputStream(out, 1 << 16);
        writer.setDaemon(true);
        writer.start();
    }

    /** A new line to be filled and told. */
    ObjectNode line() {
        return mapper.createObjectNode();
    }

    /** The line of an event, to be filled further and told. */
    ObjectNode event(String kind) {
        return line().put("event", kind);
    }

    /** Reads one line. */
    JsonNode parse(String text) throws JsonProcessingException {
        return mapper.readTree(text);
    }

    void tell(ObjectNode line) {
        try {
            lines.add(mapper.writeValueAsBytes(line));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a line of our own cannot be written as JSON", e);
        }
    }

    /** Writes what is left and ends. */
    void close() throws InterruptedException {
        lines.add(END);
        writer.join(5_000);
    }

    private void write() {
        try {
            for (byte[] line = lines.take(); line != END; line = lines.take()) {
                out.write(line);
                out.write('\n');
                if (lines.isEmpty()) {
                    out.flush();
                }
            }
            out.flush();
        } catch (IOException | InterruptedException e) {
            // Nobody reads any more. The end of input comes at the same time and ends the process.
            lines.clear();
        }
    }
}
