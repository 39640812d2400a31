package lwm2m.fleet.leshan;

import java.nio.file.Path;

/**
 * What the command line says.
 *
 * @param host address to bind
 * @param port UDP port of coap; 0 takes a free one
 * @param coapsPort UDP port of coaps; 0 takes a free one
 * @param identity directory with the server's certificate and the CA of the devices, or null: pre-shared keys alone
 * @param blockSize largest block and largest message without blocks, in bytes (RFC 7959 §2.2: 16 to 1024)
 */
record Options(String host, int port, int coapsPort, Path identity, int blockSize) {

    static final String USAGE = "usage: launcher [--host ADDRESS] [--port PORT] [--coaps-port PORT]"
            + " [--identity-dir DIR] [--block-size BYTES]";

    static Options parse(String[] arguments) {
        String host = "127.0.0.1";
        int port = 0;
        int coapsPort = 0;
        Path identity = null;
        int blockSize = 1024;
        for (int i = 0; i < arguments.length; i += 2) {
            String name = arguments[i];
            if (i + 1 == arguments.length) {
                throw new IllegalArgumentException(name + " needs a value; " + USAGE);
            }
            String value = arguments[i + 1];
            switch (name) {
                case "--host" -> host = value;
                case "--port" -> port = number(name, value, 0, 65535);
                case "--coaps-port" -> coapsPort = number(name, value, 0, 65535);
                case "--identity-dir" -> identity = Path.of(value);
                case "--block-size" -> blockSize = blockSize(name, value);
                default -> throw new IllegalArgumentException("unknown option " + name + "; " + USAGE);
            }
        }
        return new Options(host, port, coapsPort, identity, blockSize);
    }

    private static int number(String name, String value, int min, int max) {
        try {
            int number = Integer.parseInt(value);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Said below, together with what is out of range.
        }
        throw new IllegalArgumentException(name + " takes a number from " + min + " to " + max + ", not " + value);
    }

    private static int blockSize(String name, String value) {
        int size = number(name, value, 16, 1024);
        if (Integer.bitCount(size) != 1) {
            throw new IllegalArgumentException(name + " takes 16, 32, 64, 128, 256, 512 or 1024, not " + value);
        }
        return size;
    }
}
