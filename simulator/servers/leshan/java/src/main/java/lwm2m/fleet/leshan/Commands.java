package lwm2m.fleet.leshan;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Base64;
import java.util.Iterator;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteAttributesRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.request.WriteRequest.Mode;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.registration.Registration;

/** Carries out the commands of the driver protocol. No command waits for a device; answers come when they come. */
final class Commands {

    private static final double TIMEOUT_S = 60;
    private static final long GRACE_MS = 2_000;

    private final LeshanServer server;
    private final Credentials credentials;
    private final JsonLines lines;
    private final PackageFiles files = new PackageFiles();
    private final Usage usage = new Usage();
    private final ScheduledThreadPoolExecutor clock = new ScheduledThreadPoolExecutor(1, Commands::daemon);

    Commands(LeshanServer server, Credentials credentials, JsonLines lines) {
        this.server = server;
        this.credentials = credentials;
        this.lines = lines;
        // Nearly all commands are answered in time; what waits for them is not to pile up.
        clock.setRemoveOnCancelPolicy(true);
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "command-clock");
        thread.setDaemon(true);
        return thread;
    }

    /** Takes one line of input; whatever it holds, at most one answer comes of it. */
    void take(String text) {
        JsonNode command;
        try {
            command = lines.parse(text);
        } catch (JsonProcessingException e) {
            // What it holds is not told: it may be a key.
            System.err.println("not a command: " + text.length() + " characters that are no JSON");
            return;
        }
        if (!command.path("id").isIntegralNumber()) {
            System.err.println("a command needs an id: " + text.length() + " characters without one");
            return;
        }
        Replies reply = new Replies(lines, command.get("id"));
        try {
            carryOut(command, reply);
        } catch (UnknownEndpointException e) {
            reply.error("unknown_endpoint", e.getMessage());
        } catch (Exception e) {
            // Leshan refuses paths, attributes and values that are no good by many kinds of exception.
            reply.error("failed", e.getClass().getSimpleName() + ": " + Replies.describe(e));
        }
    }

    private void carryOut(JsonNode command, Replies reply) throws Exception {
        String what = word(command, "do");
        switch (what) {
            case "read" -> send(command, new ReadRequest(word(command, "path")), reply);
            case "observe" -> send(command, new ObserveRequest(word(command, "path")), reply);
            case "execute" -> send(command, execute(command), reply);
            case "write" -> send(command, write(command), reply);
            case "attributes" -> send(command, attributes(command), reply);
            case "cancel" -> cancel(command, reply);
            case "clients" -> clients(reply);
            case "credentials" -> {
                credentials.take(word(command, "ep"), command);
                reply.tell(lines.line());
            }
            case "stats" -> stats(reply);
            default -> reply.error("failed", "unknown command " + what);
        }
    }

    private <T extends LwM2mResponse> void send(
            JsonNode command, DownlinkDeviceManagementRequest<T> request, Replies reply) {
        long timeout = Math.max(1, Math.round(1000 * command.path("timeout_s").asDouble(TIMEOUT_S)));
        // Where a registration ends while Californium takes the request over, Leshan calls neither callback.
        reply.expire(clock, timeout + GRACE_MS);
        server.send(registration(command), request, timeout, reply::response, reply::error);
    }

    private Registration registration(JsonNode command) {
        String endpoint = word(command, "ep");
        Registration registration = server.getRegistrationService().getByEndpoint(endpoint);
        if (registration == null) {
            throw new UnknownEndpointException(endpoint + " is not registered");
        }
        return registration;
    }

    private static ExecuteRequest execute(JsonNode command) {
        String arguments = command.path("args").asText("");
        String path = word(command, "path");
        return arguments.isEmpty() ? new ExecuteRequest(path) : new ExecuteRequest(path, arguments);
    }

    private WriteRequest write(JsonNode command) throws IOException {
        LwM2mPath path = new LwM2mPath(word(command, "path"));
        if (!path.isResource()) {
            throw new IllegalArgumentException("only a resource can be written, not " + path);
        }
        int object = path.getObjectId();
        int instance = path.getObjectInstanceId();
        int resource = path.getResourceId();
        if (command.has("text")) {
            ResourceModel model = server.getModelProvider().getObjectModel(registration(command))
                    .getResourceModel(object, resource);
            Type type = model == null ? Type.STRING : model.type;
            Object value = Values.typed(word(command, "text"), type);
            return new WriteRequest(
                    Mode.REPLACE, ContentFormat.TEXT, path, LwM2mSingleResource.newResource(resource, value, type));
        }
        byte[] value = command.has("file")
                ? files.read(word(command, "file"))
                : Base64.getDecoder().decode(word(command, "base64"));
        return new WriteRequest(form(command), object, instance, resource, value);
    }

    private static ContentFormat form(JsonNode command) {
        String name = command.path("format").asText("opaque");
        return switch (name) {
            case "opaque" -> ContentFormat.OPAQUE;
            case "tlv" -> ContentFormat.TLV;
            case "cbor" -> ContentFormat.CBOR;
            default -> throw new IllegalArgumentException(name + " is no form of a file");
        };
    }

    private static WriteAttributesRequest attributes(JsonNode command) {
        return new WriteAttributesRequest(word(command, "path"), Attributes.parse(command.path("attributes")));
    }

    private void cancel(JsonNode command, Replies reply) {
        server.getObservationService().cancelObservations(registration(command), word(command, "path"));
        reply.tell(lines.line().put("code", "2.05"));
    }

    private void clients(Replies reply) {
        ObjectNode line = lines.line();
        ArrayNode endpoints = line.putArray("clients");
        Iterator<Registration> all = server.getRegistrationService().getAllRegistrations();
        while (all.hasNext()) {
            endpoints.add(all.next().getEndpoint());
        }
        reply.tell(line);
    }

    private void stats(Replies reply) {
        reply.tell(lines.line().put("cpu_s", usage.cpuSeconds()).put("rss_bytes", usage.residentBytes()));
    }

    static String word(JsonNode command, String field) {
        JsonNode value = command.get(field);
        if (value == null || !value.isTextual()) {
            throw new IllegalArgumentException("a string is missing: " + field);
        }
        return value.textValue();
    }

    private static final class UnknownEndpointException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        UnknownEndpointException(String message) {
            super(message);
        }
    }
}
