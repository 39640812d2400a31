package lwm2m.fleet.leshan;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

/**
 * Who the server is, and whose certificates it takes.
 *
 * @param key belongs to the first certificate of the chain
 * @param chain own certificate first
 * @param trusted CAs of the devices
 */
record Identity(PrivateKey key, X509Certificate[] chain, X509Certificate[] trusted) {

    private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
    private static final String END = "-----END PRIVATE KEY-----";

    /**
     * Reads {@code server.pem}, {@code server.key} and {@code ca.pem}.
     *
     * @throws IllegalArgumentException if a file cannot be read or is not what it should be; the text names it
     */
    static Identity read(Path directory) {
        return new Identity(
                key(directory.resolve("server.key")),
                certificates(directory.resolve("server.pem")),
                certificates(directory.resolve("ca.pem")));
    }

    private static X509Certificate[] certificates(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            X509Certificate[] read = CertificateFactory.getInstance("X.509").generateCertificates(in).stream()
                    .map(X509Certificate.class::cast)
                    .toArray(X509Certificate[]::new);
            if (read.length > 0) {
                return read;
            }
        } catch (IOException e) {
            throw unreadable(file);
        } catch (CertificateException e) {
            // Said below.
        }
        throw new IllegalArgumentException(file + ": no certificate in PEM");
    }

    private static PrivateKey key(Path file) {
        String text;
        try {
            text = Files.readString(file, StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw unreadable(file);
        }
        int begin = text.indexOf(BEGIN);
        int end = text.indexOf(END);
        if (begin >= 0 && end > begin) {
            try {
                byte[] der = Base64.getMimeDecoder().decode(text.substring(begin + BEGIN.length(), end));
                return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
            } catch (GeneralSecurityException | IllegalArgumentException e) {
                // Said below, without what may hold a part of the key.
            }
        }
        throw new IllegalArgumentException(file + ": no elliptic-curve key in PEM (PKCS #8, not encrypted)");
    }

    private static IllegalArgumentException unreadable(Path file) {
        return new IllegalArgumentException(file + ": cannot be read");
    }
}
