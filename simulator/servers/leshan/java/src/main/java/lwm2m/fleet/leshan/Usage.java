package lwm2m.fleet.leshan;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process has used. */
final class Usage {

    private static final String RESIDENT = "VmRSS:";

    private final OperatingSystemMXBean system =
            ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

    /** CPU seconds of all threads, those of the Java virtual machine included; -1 where they are not known. */
    double cpuSeconds() {
        long nanoseconds = system.getProcessCpuTime();
        return nanoseconds < 0 ? -1 : nanoseconds / 1e9;
    }

    /** Resident memory in bytes; -1 where it is not known. */
    long residentBytes() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith(RESIDENT)) {
                    return 1024 * Long.parseLong(line.substring(RESIDENT.length()).replace("kB", "").strip());
                }
            }
        } catch (IOException | NumberFormatException e) {
            // Not known, as on a system without /proc.
        }
        return -1;
    }
}
