package lwm2m.fleet.leshan;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HexFormat;
import org.eclipse.leshan.servers.security.EditableSecurityStore;
import org.eclipse.leshan.servers.security.NonUniqueSecurityInfoException;
import org.eclipse.leshan.servers.security.SecurityInfo;

/** How devices show who they are. */
final class Credentials {

    private final EditableSecurityStore store;
    private final boolean certificates;

    /**
     * Fills a store.
     *
     * @param certificates whether the server has a certificate, and a CA of the devices
     */
    Credentials(EditableSecurityStore store, boolean certificates) {
        this.store = store;
        this.certificates = certificates;
    }

    /** Takes what a command says of an endpoint, instead of what was known of it. */
    void take(String endpoint, JsonNode command) throws NonUniqueSecurityInfoException {
        store.add(info(endpoint, command));
    }

    private SecurityInfo info(String endpoint, JsonNode command) {
        JsonNode psk = command.path("psk");
        if (psk.isObject()) {
            return SecurityInfo.newPreSharedKeyInfo(
                    endpoint, Commands.word(psk, "identity"), key(Commands.word(psk, "key_hex")));
        }
        if (!command.path("x509").asBoolean()) {
            throw new IllegalArgumentException("credentials need psk, or x509 with true");
        }
        if (!certificates) {
            throw new IllegalArgumentException("certificates can be taken only where there is --identity-dir");
        }
        return SecurityInfo.newX509CertInfo(endpoint);
    }

    private static byte[] key(String hex) {
        try {
            byte[] key = HexFormat.of().parseHex(hex);
            if (key.length > 0) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // Said below, without what was given.
        }
        throw new IllegalArgumentException("key_hex is not hexadecimal, with two digits for each byte");
    }
}
