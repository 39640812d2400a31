package lwm2m.fleet.leshan;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Package files, read once; all pushes of one file share its bytes. */
final class PackageFiles {

    private static final int KEPT = 64;

    private final Map<String, byte[]> kept = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, byte[]> eldest) {
            return size() > KEPT;
        }
    };

    synchronized byte[] read(String path) throws IOException {
        byte[] bytes = kept.get(path);
        if (bytes == null) {
            bytes = Files.readAllBytes(Path.of(path));
            kept.put(path, bytes);
        }
        return bytes;
    }
}
