/// A host's counters and shares as metrics, by node_exporter's names where they mean the same.
///
/// `node_…` is the whole machine in every scope; `troop_host_…` is what the agent's scope covers and its policies see.
package enum HostMetrics {
    /// Devices of a kind that are told; the others are left out.
    package static let devicesMax = 64
    /// CPUs that are told one by one.
    package static let cpusMax = 256

    /// The families of one host.
    package static func families(_ counters: HostCounters) -> [MetricFamily] {
        scope(counters.sample) + processors(counters) + memory(counters) + pressure(counters.pressure)
            + disks(counters.disks) + network(counters.network) + paging(counters.paging)
            + filesystems(counters.sample.slow.filesystems ?? [])
    }

    private static func scope(_ sample: Sample) -> [MetricFamily] {
        [
            MetricFamily(
                "troop_host_cpu_busy_ratio", .gauge,
                "Busy share of the CPU, in the agent's scope, in the last second", sample.cpu),
            MetricFamily(
                "troop_host_cpu_self_ratio", .gauge, "The agent's own part of `troop_host_cpu_busy_ratio`",
                sample.selfCPU),
            MetricFamily(
                "troop_host_cpu_steal_ratio", .gauge, "Share of CPU time that the hypervisor gave to others",
                sample.steal),
            MetricFamily(
                "troop_host_cpu_allowance_cores", .gauge, "Cores that count as all of the CPU",
                sample.allowance ?? sample.cores.map { Double($0) }),
            MetricFamily(
                "troop_host_memory_used_ratio", .gauge, "Share of the memory in use, in the agent's scope",
                sample.memoryUsed),
            MetricFamily(
                "troop_host_memory_limit_bytes", .gauge,
                "Memory that counts as all of it, in the agent's scope",
                sample.memoryTotalBytes.map { Double($0) }),
        ]
    }

    private static func processors(_ counters: HostCounters) -> [MetricFamily] {
        var cpu = MetricFamily("node_cpu_seconds_total", .counter, "Seconds the CPUs spent in each mode")
        let ticks = Double(counters.ticksPerSecond)
        for row in 0..<min(counters.processors.count, cpusMax) {
            let number = "\(counters.processors.identifiers[row])"
            for field in ProcessorTimes.Field.allCases {
                cpu.add(
                    Double(counters.processors.value(field, row: row)) / ticks,
                    [("cpu", number), ("mode", "\(field)")])
            }
        }
        let system = counters.system
        return [
            cpu,
            MetricFamily(
                "node_boot_time_seconds", .gauge, "When the machine booted, in seconds since 1970",
                system.bootTime.map { Double($0) }),
            MetricFamily(
                "node_context_switches_total", .counter, "Context switches",
                system.contextSwitches.map { Double($0) }),
            MetricFamily(
                "node_intr_total", .counter, "Interrupts served", system.interrupts.map { Double($0) }),
            MetricFamily("node_forks_total", .counter, "Forks", system.forks.map { Double($0) }),
            MetricFamily(
                "node_procs_running", .gauge, "Processes that can run", system.running.map { Double($0) }),
            MetricFamily(
                "node_procs_blocked", .gauge, "Processes that wait for a disk",
                system.blocked.map { Double($0) }),
            MetricFamily("node_load1", .gauge, "Load average of 1 minute", counters.load?.oneMinute),
            MetricFamily("node_load5", .gauge, "Load average of 5 minutes", counters.load?.fiveMinutes),
            MetricFamily("node_load15", .gauge, "Load average of 15 minutes", counters.load?.fifteenMinutes),
        ]
    }

    private static func memory(_ counters: HostCounters) -> [MetricFamily] {
        MemoryLines.names.map { name in
            MetricFamily(
                "node_memory_\(name)_bytes", .gauge, "The line \(name) of /proc/meminfo",
                counters.memory.bytes.first { $0.name == name }.map { Double($0.bytes) })
        }
    }

    private static func pressure(_ pressure: Pressure) -> [MetricFamily] {
        func seconds(_ line: PressureStall.Line?) -> Double? {
            line.map { Double($0.totalMicroseconds) / 1e6 }
        }
        return [
            MetricFamily(
                "node_pressure_cpu_waiting_seconds_total", .counter,
                "Time in which some process waited for a CPU", seconds(pressure.cpu?.someLine)),
            MetricFamily(
                "node_pressure_io_waiting_seconds_total", .counter,
                "Time in which some process waited for a disk", seconds(pressure.io?.someLine)),
            MetricFamily(
                "node_pressure_io_stalled_seconds_total", .counter,
                "Time in which all processes waited for a disk", seconds(pressure.io?.fullLine)),
            MetricFamily(
                "node_pressure_memory_waiting_seconds_total", .counter,
                "Time in which some process waited for memory", seconds(pressure.memory?.someLine)),
            MetricFamily(
                "node_pressure_memory_stalled_seconds_total", .counter,
                "Time in which all processes waited for memory", seconds(pressure.memory?.fullLine)),
        ]
    }

    private static func disks(_ disks: DiskCounters) -> [MetricFamily] {
        func each(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: (DiskCounters.Row) -> Double
        ) -> MetricFamily {
            var family = MetricFamily("node_disk_\(name)", kind, help)
            for row in disks.rows.prefix(devicesMax) { family.add(value(row), [("device", row.name)]) }
            return family
        }
        let sector = Double(DiskCounters.sectorBytes)
        return [
            each("reads_completed_total", .counter, "Reads that were completed") {
                Double($0.readsCompleted)
            },
            each("read_bytes_total", .counter, "Bytes read") { Double($0.readSectors) * sector },
            each("read_time_seconds_total", .counter, "Time spent by all reads") {
                Double($0.readMilliseconds) / 1000
            },
            each("writes_completed_total", .counter, "Writes that were completed") {
                Double($0.writesCompleted)
            },
            each("written_bytes_total", .counter, "Bytes written") { Double($0.writtenSectors) * sector },
            each("write_time_seconds_total", .counter, "Time spent by all writes") {
                Double($0.writeMilliseconds) / 1000
            },
            each("io_now", .gauge, "Requests under way") { Double($0.inFlight) },
            each("io_time_seconds_total", .counter, "Time with at least one request under way") {
                Double($0.busyMilliseconds) / 1000
            },
        ]
    }

    private static func network(_ network: NetworkCounters) -> [MetricFamily] {
        func each(
            _ name: String, _ help: String, _ value: (NetworkCounters.Row) -> UInt64
        ) -> MetricFamily {
            var family = MetricFamily("node_network_\(name)_total", .counter, help)
            for row in network.rows.prefix(devicesMax) {
                family.add(Double(value(row)), [("device", row.name)])
            }
            return family
        }
        return [
            each("receive_bytes", "Bytes received") { $0.receivedBytes },
            each("receive_packets", "Packets received") { $0.receivedPackets },
            each("receive_errs", "Packets received wrong") { $0.receiveErrors },
            each("receive_drop", "Packets dropped on their way in") { $0.receiveDrops },
            each("transmit_bytes", "Bytes sent") { $0.sentBytes },
            each("transmit_packets", "Packets sent") { $0.sentPackets },
            each("transmit_errs", "Packets that could not be sent") { $0.sendErrors },
            each("transmit_drop", "Packets dropped on their way out") { $0.sendDrops },
        ]
    }

    private static func paging(_ paging: PagingCounters) -> [MetricFamily] {
        [
            ("oom_kill", paging.outOfMemoryKills), ("pgfault", paging.faults),
            ("pgmajfault", paging.majorFaults),
            ("pgpgin", paging.pagesIn), ("pgpgout", paging.pagesOut), ("pswpin", paging.swappedIn),
            ("pswpout", paging.swappedOut),
        ].map { name, value in
            MetricFamily(
                "node_vmstat_\(name)", .untyped, "The line \(name) of /proc/vmstat", value.map { Double($0) })
        }
    }

    private static func filesystems(_ readings: [FilesystemReading]) -> [MetricFamily] {
        func each(
            _ name: String, _ help: String, _ value: (FilesystemReading) -> Double?
        ) -> MetricFamily {
            var family = MetricFamily("node_filesystem_\(name)", .gauge, help)
            for reading in readings.prefix(devicesMax) {
                guard let value = value(reading) else { continue }
                family.add(
                    value,
                    [
                        ("device", reading.device), ("fstype", reading.type),
                        ("mountpoint", reading.mountPoint),
                    ])
            }
            return family
        }
        return [
            each("size_bytes", "Size of the file system") { $0.space.map { Double($0.totalBytes) } },
            each("free_bytes", "Free bytes") { $0.space.map { Double($0.freeBytes) } },
            each("avail_bytes", "Bytes that users other than root may still use") {
                $0.space.map { Double($0.availableBytes) }
            },
            each("files", "Files that there can be") { $0.space.map { Double($0.files) } },
            each("files_free", "Files that there can be besides those that there are") {
                $0.space.map { Double($0.freeFiles) }
            },
            each("readonly", "Whether nothing can be written: 1 or 0") { $0.isReadOnly ? 1 : 0 },
            each("device_error", "Whether the file system does not answer: 1 or 0") {
                $0.space == nil ? 1 : 0
            },
        ]
    }
}
