// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "troop",
    products: [
        .executable(name: "troop", targets: ["troop"]),
        .library(name: "shifted-clock", type: .dynamic, targets: ["ShiftedClock"]),  // for tests only
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        .target(name: "CLinux", path: "Sources/Bindings/CLinux"),
        .systemLibrary(
            name: "CHiredis", path: "Sources/Bindings/CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/Bindings/COpenSSL", pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CCurl", path: "Sources/Bindings/CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CYAML", path: "Sources/Bindings/CYAML", pkgConfig: "yaml-0.1",
            providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(
            name: "CExpat", path: "Sources/Bindings/CExpat", pkgConfig: "expat",
            providers: [.apt(["libexpat1-dev"])]),
        .target(name: "CDashboard", path: "Sources/Bindings/CDashboard"),
        .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "Store", dependencies: ["Linux", "CHiredis", "COpenSSL"], swiftSettings: strict),
        .target(name: "HTTP", dependencies: ["Linux"], swiftSettings: strict),
        .target(name: "Transfer", dependencies: ["CCurl"], swiftSettings: strict),
        .target(name: "Metrics", dependencies: ["CLinux", "Linux"], swiftSettings: strict),
        .target(name: "Election", dependencies: ["CLinux", "Linux", "Store"], swiftSettings: strict),
        .target(
            name: "Proxy", dependencies: ["CLinux", "COpenSSL", "Linux", "HTTP", "Metrics"],
            swiftSettings: strict),
        .target(
            name: "Remediation",
            dependencies: [
                "CLinux", "CExpat", "COpenSSL", "Linux", "Store", "Transfer",
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: strict),
        .target(name: "Flags", swiftSettings: strict),
        .target(
            name: "Peer",
            dependencies: [
                "CDashboard", "CLinux", "CYAML", "Flags", "Linux", "Store", "HTTP", "Metrics", "Election",
                "Proxy",
                "Remediation", "Transfer",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], exclude: ["Dashboard/page"], swiftSettings: strict),
        .executableTarget(
            name: "troop",
            dependencies: [
                "CLinux", "Flags", "Linux", "Metrics", "Peer", "Remediation", "Store", "Transfer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "bench",
            dependencies: [
                "CLinux", "Fixtures", "Linux", "Remediation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/bench", swiftSettings: strict),
        .executableTarget(
            name: "bench-backend", dependencies: ["CLinux", "Linux"], path: "Benchmarks/backend",
            swiftSettings: strict),
        .executableTarget(
            name: "bench-proxy", dependencies: ["Linux", "Proxy"], path: "Benchmarks/proxy",
            swiftSettings: strict),
        .executableTarget(name: "bench-relay", path: "Benchmarks/relay"),
        // For nothing but the program that follows: its malloc stands in front of the C library's.
        .target(name: "CountedMemory", path: "Benchmarks/memory"),
        .executableTarget(
            name: "bench-looks", dependencies: ["CountedMemory", "Linux", "Metrics"],
            path: "Benchmarks/looks", swiftSettings: strict),
        .testTarget(
            name: "BenchTests", dependencies: ["bench"], path: "Benchmarks/tests", swiftSettings: strict),
        .testTarget(
            name: "FlagsTests", dependencies: ["Fixtures", "Flags"], exclude: ["Parity"],
            swiftSettings: strict),
        .testTarget(name: "LinuxTests", dependencies: ["Linux"], swiftSettings: strict),
        .target(
            name: "Fixtures", dependencies: ["Flags", "Linux"], path: "Tests/Fixtures", swiftSettings: strict),
        .testTarget(name: "HTTPTests", dependencies: ["Fixtures", "HTTP"], swiftSettings: strict),
        .testTarget(
            name: "MetricsTests", dependencies: ["Fixtures", "Linux", "Metrics"], exclude: ["Captured"],
            swiftSettings: strict),
        .testTarget(
            name: "ProxyTests", dependencies: ["CLinux", "COpenSSL", "HTTP", "Linux", "Metrics", "Proxy"],
            swiftSettings: strict),
        .target(
            name: "Conformance", dependencies: ["Linux"], path: "Tests/Conformance/Table",
            swiftSettings: strict),
        .testTarget(
            name: "ConformanceTests", dependencies: ["Conformance", "Fixtures", "Linux", "Proxy"],
            path: "Tests/Conformance", exclude: ["Table", "Rivals"], swiftSettings: strict),
        .executableTarget(
            name: "conformance-report", dependencies: ["Conformance", "Linux", "Proxy"],
            path: "Tests/Conformance/Rivals", swiftSettings: strict),
        .testTarget(name: "StoreTests", dependencies: ["Fixtures", "Linux", "Store"], swiftSettings: strict),
        .testTarget(
            name: "ElectionTests", dependencies: ["Election", "Fixtures", "Linux", "Store"],
            swiftSettings: strict),
        .target(
            name: "Simulation", dependencies: ["Election", "Fixtures", "Linux", "Peer", "Store"],
            path: "Tests/Simulation/World", swiftSettings: strict),
        .target(name: "ShiftedClock", path: "Tests/Simulation/Clock"),
        .executableTarget(
            name: "simulate", dependencies: ["Linux", "Simulation"], path: "Tests/Simulation/Command",
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["Election", "Fixtures", "Linux", "Peer", "Simulation", "Store"],
            path: "Tests/Simulation", exclude: ["Clock", "Command", "World"], swiftSettings: strict),
        .testTarget(
            name: "RemediationTests", dependencies: ["Linux", "Remediation"], swiftSettings: strict),
        .testTarget(
            name: "PeerTests",
            dependencies: [
                "CYAML", "Election", "Fixtures", "Flags", "Linux", "Metrics", "Peer", "Proxy", "Remediation",
                "Store", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .testTarget(name: "CommandTests", dependencies: ["Linux", "Peer", "troop"], swiftSettings: strict),
        .target(
            name: "CloudFixture", dependencies: ["Fixtures", "Linux", "Transfer"], path: "Tests/Cloud",
            exclude: ["cloud.py"], swiftSettings: strict),
        .testTarget(
            name: "ProviderTests",
            dependencies: ["CloudFixture", "Fixtures", "Linux", "Remediation", "Store", "Transfer"],
            exclude: ["Playbooks"], swiftSettings: strict),
        .testTarget(
            name: "TransferTests", dependencies: ["Linux", "Peer", "Transfer"], swiftSettings: strict),
        .testTarget(
            name: "EndToEnd",
            dependencies: [
                "CloudFixture", "COpenSSL", "Fixtures", "Flags", "Linux", "Peer", "Remediation", "Transfer",
                "troop",
            ],
            path: "Tests/EndToEnd", exclude: ["Clients", "Flags"], swiftSettings: strict),
    ]
)
