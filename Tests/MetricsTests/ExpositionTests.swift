import Testing

@testable import Metrics

/// Metrics as text, in both formats.
@Suite struct ExpositionTests {
    private func text(_ families: [MetricFamily], as format: MetricsText.Format = .openMetrics) -> String {
        String(decoding: MetricsText.bytes(of: families, as: format), as: UTF8.self)
    }

    @Test func openMetricsNamesCountersWithoutTheirSuffix() {
        var requests = MetricFamily("troop_x_total", .counter, "Says \"x\"")
        requests.add(3, [("a", "b\"c")])
        var seconds = MetricFamily("troop_seconds", .histogram, "Some")
        seconds.add(bounds: [0.5, 1], counts: [1, 0, 1], sum: 2.5, [("a", "b")])
        let page = text([
            requests, seconds, MetricFamily("node_vmstat_x", .untyped, "Line", 7),
            MetricFamily("troop_none", .gauge, "No", nil),
        ])
        #expect(
            page == """
                # HELP node_vmstat_x Line
                # TYPE node_vmstat_x unknown
                node_vmstat_x 7
                # HELP troop_none No
                # TYPE troop_none gauge
                # HELP troop_seconds Some
                # TYPE troop_seconds histogram
                troop_seconds_bucket{a="b",le="0.5"} 1
                troop_seconds_bucket{a="b",le="1.0"} 1
                troop_seconds_bucket{a="b",le="+Inf"} 2
                troop_seconds_sum{a="b"} 2.5
                troop_seconds_count{a="b"} 2
                # HELP troop_x Says \\"x\\"
                # TYPE troop_x counter
                troop_x_total{a="b\\"c"} 3
                # EOF

                """)
        #expect(text([requests], as: .prometheus).hasPrefix("# HELP troop_x_total Says \"x\"\n"))
        #expect(!text([requests], as: .prometheus).contains("EOF"))
    }

    @Test(
        arguments: [
            (nil, .prometheus), ("", .prometheus), ("*/*", .prometheus), ("text/plain", .prometheus),
            ("application/openmetrics-text", .openMetrics),
            ("application/openmetrics-text; version=1.0.0", .openMetrics),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                .openMetrics
            ),
            ("application/openmetrics-text; version=0.0.1", .prometheus),
            ("application/openmetrics-text;q=0.2, text/plain;q=0.5", .prometheus),
            ("APPLICATION/OpenMetrics-Text ; VERSION=1.0.0 ; Q=0.5, text/*;q=0.4", .openMetrics),
            ("application/openmetrics-text;q=0", .prometheus),
            ("application/openmetrics-text;q=nan", .prometheus),
            ("application/openmetrics-text;q=7", .prometheus), (",,;;,=", .prometheus),
            ("application/openmetrics-text" + String(repeating: ",x/y", count: 1000), .prometheus),
        ] as [(String?, MetricsText.Format)])
    func acceptChoosesTheFormat(_ accept: String?, _ format: MetricsText.Format) {
        #expect(MetricsText.Format(accept: accept) == format)
    }

    @Test func seriesBeyondTheLimitAreLeftOutAndCounted() {
        var family = MetricFamily("troop_many", .gauge, "Many")
        for number in 0..<MetricFamily.seriesMax + 7 { family.add(1, [("n", "\(number)")]) }
        #expect(family.samples.count == MetricFamily.seriesMax && family.leftOut == 7)
        family.add(bounds: [1], counts: [1, 1], sum: 1, [])
        #expect(family.samples.count == MetricFamily.seriesMax && family.leftOut == 11)
        let page = text(
            MetricsText.withLeftOut([family, MetricFamily("troop_one", .gauge, "One", 1)]), as: .prometheus)
        #expect(page.contains("\ntroop_metrics_series_left_out 11\n"))
    }

    @Test func devicesAreBounded() throws {
        let proc = try ProcFixture()
        try proc.write("diskstats", (0..<1000).map { "8 0 dm-\($0) 1 2 3 4 5 6 7 8 9 10 11\n" }.joined())
        try proc.write("stat", (0..<2000).map { "cpu\($0) 1 1 1 1 1 1 1 1 0 0\n" }.joined())
        let families = HostMetrics.families(Sampler(scope: .host, proc: proc.root).counters())
        let disk = try #require(families.first { $0.name == "node_disk_read_bytes_total" })
        #expect(disk.samples.count == HostMetrics.devicesMax)
        let cpu = try #require(families.first { $0.name == "node_cpu_seconds_total" })
        #expect(cpu.samples.count == HostMetrics.cpusMax * 8)
    }

    @Test func countersAreTheKernelsInBaseUnits() throws {
        let proc = try ProcFixture()
        for (name, text) in KernelTree.centos7.before { try proc.write(name, text) }
        let families = HostMetrics.families(Sampler(scope: .host, proc: proc.root).counters())
        let page = text(families, as: .prometheus)
        for line in [
            "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} \(1000 / ticksPerSecond)",
            "node_memory_MemTotal_bytes 1040621568", "node_boot_time_seconds 1500000000",
            "node_forks_total 77",
            "node_disk_written_bytes_total{device=\"sda\"} 40960000",
            "node_disk_io_time_seconds_total{device=\"sda\"} 4",
            "node_network_receive_bytes_total{device=\"eth0\"} 50000", "node_vmstat_pgmajfault 1200",
            "node_load15 0.05",
        ] {
            #expect(page.contains("\n\(line)\n"), "\(line)")
        }
        #expect(
            !page.contains("\nnode_memory_MemAvailable_bytes "), "what the kernel does not tell has no sample"
        )
        #expect(
            !page.contains("\nnode_vmstat_oom_kill ")
                && !page.contains("\nnode_pressure_cpu_waiting_seconds_total "))
    }

    @Test func theAgentsOwnProcessIsTold() throws {
        let page = text(ProcessMetrics.families(bootTime: 1_000_000), as: .prometheus)
        for name in [
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
            "process_threads", "process_start_time_seconds", "process_open_fds", "process_max_fds",
        ] {
            let line = try #require(page.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(name)")
            #expect(try #require(Double(line.split(separator: " ")[1])) > 0)
        }
    }
}
