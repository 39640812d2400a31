package lwm2m.fleet.leshan;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.endpoint.LwM2mServerEndpoint;
import org.eclipse.leshan.servers.security.InMemorySecurityStore;

/**
 * Runs Leshan's LwM2M server and speaks the driver protocol: commands on standard input, answers and events on standard
 * output, log lines on standard error. It ends with its input.
 */
public final class Launcher {

    private static final int USAGE_ERROR = 2;
    private static final int NOT_STARTED = 3;

    private Launcher() {}

    /** Entry point; see {@link Options}. */
    public static void main(String[] arguments) throws Exception {
        JsonLines lines = new JsonLines(new FileOutputStream(FileDescriptor.out));
        // A library that prints must not break the protocol.
        System.setOut(System.err);
        int status = run(arguments, lines);
        lines.close();
        System.exit(status);
    }

    private static int run(String[] arguments, JsonLines lines) throws IOException {
        Options options;
        try {
            options = Options.parse(arguments);
        } catch (IllegalArgumentException e) {
            return failed(lines, e.getMessage(), USAGE_ERROR);
        }
        InetAddress address;
        try {
            address = InetAddress.getByName(options.host());
        } catch (UnknownHostException e) {
            return failed(lines, "the host " + options.host() + " is not known", NOT_STARTED);
        }
        Identity identity;
        try {
            identity = options.identity() == null ? null : Identity.read(options.identity());
        } catch (IllegalArgumentException e) {
            return failed(lines, e.getMessage(), NOT_STARTED);
        }
        InMemorySecurityStore credentials = new InMemorySecurityStore();
        LeshanServer server = ServerUnderTest.build(options, identity, credentials);
        server.getRegistrationService().addListener(new RegistrationEvents(lines));
        server.getObservationService().addListener(new ObservationEvents(lines));
        try {
            server.start();
        } catch (RuntimeException e) {
            return failed(lines, bound(options.host(), options.port()), NOT_STARTED);
        }
        try {
            LwM2mServerEndpoint missing = ServerUnderTest.notStarted(server);
            if (missing != null) {
                return failed(lines, bound(options.host(), port(options, missing.getProtocol())), NOT_STARTED);
            }
            lines.tell(ready(lines, server, address));
            serve(new Commands(server, new Credentials(credentials, identity != null), lines));
            return 0;
        } finally {
            server.destroy();
        }
    }

    private static void serve(Commands commands) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            commands.take(line);
        }
    }

    private static ObjectNode ready(JsonLines lines, LeshanServer server, InetAddress address) {
        ObjectNode line = lines.event("ready").put("server", ServerUnderTest.name());
        String host = reachable(address);
        ObjectNode uris = lines.line();
        for (LwM2mServerEndpoint endpoint : server.getEndpoints()) {
            String scheme = endpoint.getProtocol() == Protocol.COAP ? "coap" : "coaps";
            uris.put(scheme, scheme + "://" + host + ":" + endpoint.getURI().getPort());
        }
        line.set("coap", uris.get("coap"));
        line.set("uris", uris);
        return line;
    }

    /** An address at which devices on this machine find the server; one that stands for all addresses is none. */
    private static String reachable(InetAddress address) {
        boolean all = address.isAnyLocalAddress();
        if (address instanceof Inet6Address) {
            return "[" + (all ? "::1" : address.getHostAddress()) + "]";
        }
        return all ? "127.0.0.1" : address.getHostAddress();
    }

    private static int failed(JsonLines lines, String detail, int status) {
        lines.tell(lines.event("failed").put("detail", detail));
        return status;
    }

    private static String bound(String host, int port) {
        return "UDP port " + port + " of " + host + " cannot be bound: it is taken, or the address is not this machine's";
    }

    private static int port(Options options, Protocol protocol) {
        return protocol == Protocol.COAP ? options.port() : options.coapsPort();
    }
}
