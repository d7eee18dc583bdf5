import Linux
import Synchronization

/// Amazon's EC2, and clouds that speak its query API.
package final class EC2Provider: Provider {
    package let kind = "ec2"
    let caller: EC2Caller
    let settings: EC2Settings

    /// Machines that this process launched a moment ago: EC2 may deny them yet.
    private let young = Mutex<[String: (machine: Machine, cluster: String, until: Instant)]>([:])

    /// How long EC2's answers may lag behind a launch, in milliseconds.
    private static let lagMilliseconds: Int64 = 120_000
    /// Pages of one description, of 1000 machines each.
    private static let pagesMax = 100
    /// The largest user data that EC2 takes, in bytes.
    private static let userDataBytesMax = 16 * 1024

    /// A provider that sends through this caller.
    package init(_ settings: EC2Settings, caller: EC2Caller) {
        self.settings = settings
        self.caller = caller
    }

    package func launch(
        _ order: LaunchOrder, permit: @escaping Permit
    ) async throws(ProviderFault) -> Machine {
        // The token alone would do on EC2; other clouds may not know it.
        if let machine = try await machine(launchedBy: order.token) { return machine }
        let form = try launchForm(order)
        let answer: EC2Caller.Answer
        do throws(ProviderFault) {
            answer = try await caller.ask(form, .change, permit: permit)
        } catch {
            if case .permanent = error, let machine = try await machine(launchedBy: order.token) {
                return machine  // launched by other parameters, before the configuration changed
            }
            throw error
        }
        guard case .done(let root) = answer,
            let machine = root.items("instancesSet").lazy.compactMap({ Machine($0) }).first
        else {
            throw .retryable("RunInstances: the answer names no instance", mayHaveHappened: true)
        }
        var known = machine
        known.operation = order.token
        remember(known, cluster: order.cluster)
        return known
    }

    package func machine(launchedBy token: String) async throws(ProviderFault) -> Machine? {
        var form = EC2Form("DescribeInstances")
        form.filter(1, "tag:\(EC2Tags.operation)", [token])
        let found = try await describe(form)
        if let alive = found.first(where: \.state.isAlive) ?? found.first { return alive }
        return recent().first { $0.machine.operation == token }?.machine
    }

    package func machine(_ id: String) async throws(ProviderFault) -> Machine {
        var form = EC2Form("DescribeInstances")
        form.add("InstanceId.1", try checked(id))
        do throws(ProviderFault) {
            guard let machine = try await describe(form).first(where: { $0.id == id }) else {
                throw .missing(id)
            }
            return machine
        } catch {
            // Right after a launch EC2 may not know the machine yet.
            if case .missing = error, let machine = recent().first(where: { $0.machine.id == id })?.machine {
                return machine
            }
            throw error
        }
    }

    package func machines(of cluster: String) async throws(ProviderFault) -> [Machine] {
        var form = EC2Form("DescribeInstances")
        form.filter(1, "tag:\(EC2Tags.cluster)", [cluster])
        form.filter(2, "instance-state-name", ["pending", "running", "stopping", "stopped"])
        var found = try await describe(form).filter(\.state.isAlive)
        let shown = Set(found.map(\.id))
        // Those that are not shown yet count, too; those that are shown need no memory any more.
        young.withLock { young in young = young.filter { !shown.contains($0.key) } }
        found += recent().filter { $0.cluster == cluster }.map(\.machine)
        return found
    }

    package func machine(at address: String) async throws(ProviderFault) -> Machine? {
        guard let address = Machine.numeric(address) else { return nil }
        for name in ["private-ip-address", "ip-address"] {
            var form = EC2Form("DescribeInstances")
            form.filter(1, name, [address])
            if let vpc = settings.vpc { form.filter(2, "vpc-id", [vpc]) }
            let found = try await describe(form).filter(\.state.isAlive)
            // Private addresses repeat among networks: rather none than the wrong one.
            if found.count > 1 {
                throw .permanent(
                    "\(found.count) instances have the address \(address); name the hosts' network: remediation.provider.vpc"
                )
            }
            if let machine = found.first { return machine }
        }
        return nil
    }

    package func reboot(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change("RebootInstances", id, permit) }

    package func stop(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change("StopInstances", id, permit) }

    package func start(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) { try await change("StartInstances", id, permit) }

    package func terminate(
        _ id: String, operation: String, permit: @escaping Permit
    ) async throws(ProviderFault) {
        try await change("TerminateInstances", id, permit)
        young.withLock { $0[id] = nil }
    }

    private func change(_ action: String, _ id: String, _ permit: @escaping Permit)
        async throws(ProviderFault)
    {
        var form = EC2Form(action)
        form.add("InstanceId.1", try checked(id))
        _ = try await caller.ask(form, .change, permit: permit)
    }

    private func checked(_ id: String) throws(ProviderFault) -> String {
        guard Machine.isID(id) else { throw .missing("'\(EC2Reply.plain(id))' is no name of an instance") }
        return id
    }

    /// The form of a launch, the user data filled in.
    func launchForm(_ order: LaunchOrder) throws(ProviderFault) -> EC2Form {
        var userData: [UInt8]?
        if let path = settings.userDataFile {
            guard let bytes = SmallFile.read(path, bytesMax: EC2Provider.userDataBytesMax) else {
                throw .permanent(
                    "\(path) cannot be read, or is larger than 16 KiB; mend remediation.provider.user_data_file"
                )
            }
            userData = Array(EC2Settings.filled(String(decoding: bytes, as: UTF8.self), order).utf8)
        }
        return try settings.launchForm(order, userData: userData)
    }

    /// Every page of a description.
    private func describe(_ form: EC2Form) async throws(ProviderFault) -> [Machine] {
        var found: [Machine] = []
        var next: String?
        let isPaged = !form.parameters.contains { $0.name.hasPrefix("InstanceId") }
        for _ in 0..<EC2Provider.pagesMax {
            var page = form
            if isPaged { page.add("MaxResults", "1000") }
            page.add("NextToken", next)
            guard case .done(let root) = try await caller.ask(page, .none) else { break }
            for reservation in root.items("reservationSet") {
                found += reservation.items("instancesSet").compactMap { Machine($0) }
            }
            next = root.text("nextToken")
            if next == nil { return found }
        }
        throw .permanent("DescribeInstances: the answer has no end")
    }

    private func remember(_ machine: Machine, cluster: String) {
        let until = Instant.now().advanced(milliseconds: EC2Provider.lagMilliseconds)
        young.withLock { $0[machine.id] = (machine, cluster, until) }
    }

    private func recent() -> [(machine: Machine, cluster: String, until: Instant)] {
        let now = Instant.now()
        return young.withLock { young in
            young = young.filter { $0.value.until > now }
            return Array(young.values)
        }
    }
}
