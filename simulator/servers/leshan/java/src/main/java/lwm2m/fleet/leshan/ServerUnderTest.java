package lwm2m.fleet.leshan;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.Properties;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.config.UdpConfig;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.endpoint.LwM2mServerEndpoint;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.servers.security.EditableSecurityStore;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpoint;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coaps.CoapsServerProtocolProvider;

/** Leshan's server library, set up as a server for thousands of devices on one machine. */
final class ServerUnderTest {

    /** Room for a burst of Registers while the virtual machine collects garbage; the kernel may give less. */
    private static final int RECEIVE_BUFFER = 4 << 20;

    private static final int SEND_BUFFER = 1 << 20;

    private static final String VERSION =
            "/META-INF/maven/org.eclipse.leshan/leshan-lwm2m-server/pom.properties";

    private ServerUnderTest() {}

    /** Makes the server; {@code identity} may be null. */
    static LeshanServer build(Options options, Identity identity, EditableSecurityStore credentials) {
        CaliforniumServerEndpointsProvider.Builder endpoints = new CaliforniumServerEndpointsProvider.Builder(
                new CoapServerProtocolProvider(), new CoapsServerProtocolProvider());
        Configuration configuration = endpoints.createDefaultConfiguration();
        tune(configuration, options.blockSize());
        endpoints.setConfiguration(configuration);
        endpoints.addEndpoint(new InetSocketAddress(options.host(), options.port()), Protocol.COAP);
        endpoints.addEndpoint(new InetSocketAddress(options.host(), options.coapsPort()), Protocol.COAPS);
        LeshanServerBuilder builder = new LeshanServerBuilder();
        builder.setSecurityStore(credentials);
        if (identity != null) {
            builder.setPrivateKey(identity.key());
            builder.setCertificateChain(identity.chain());
            builder.setTrustedCertificates(identity.trusted());
        }
        builder.setObjectModelProvider(new VersionedModelProvider(ObjectLoader.loadAllDefault()));
        builder.setEndpointsProviders(endpoints.build());
        return builder.build();
    }

    private static void tune(Configuration configuration, int blockSize) {
        configuration.set(CoapConfig.PREFERRED_BLOCK_SIZE, blockSize);
        configuration.set(CoapConfig.MAX_MESSAGE_SIZE, blockSize);
        configuration.set(UdpConfig.UDP_RECEIVE_BUFFER_SIZE, RECEIVE_BUFFER);
        configuration.set(UdpConfig.UDP_SEND_BUFFER_SIZE, SEND_BUFFER);
        // Devices connect to the server, never the other way; in both roles, its certificate would have to be one of a
        // client as well.
        configuration.set(DtlsConfig.DTLS_ROLE, DtlsConfig.DtlsRole.SERVER_ONLY);
    }

    /**
     * The endpoint that cannot be reached, or null. Californium starts as long as one endpoint can be bound, and only
     * logs the others.
     */
    static LwM2mServerEndpoint notStarted(LeshanServer server) {
        for (LwM2mServerEndpoint endpoint : server.getEndpoints()) {
            if (!((CaliforniumServerEndpoint) endpoint).getCoapEndpoint().isStarted()) {
                return endpoint;
            }
        }
        return null;
    }

    /** Name and version, from what Maven left in the jar. */
    static String name() {
        Properties properties = new Properties();
        try (InputStream in = ServerUnderTest.class.getResourceAsStream(VERSION)) {
            if (in != null) {
                properties.load(in);
            }
        } catch (IOException e) {
            // The version stays unknown.
        }
        return "Leshan library " + properties.getProperty("version", "(unknown version)");
    }
}
