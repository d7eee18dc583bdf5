import Election
import Linux
import Remediation
import Store

/// What operations do to the world outside of Redis.
extension RemediationDesk {
    /// How often the output of a running step is written down, in milliseconds.
    private static let flushMilliseconds: Int64 = 500
    /// How soon a lost lease ends what is under way, in milliseconds.
    private static let watchMilliseconds: Int64 = 50

    /// Does something to the world; nil when the lease was lost meanwhile, and with it the right to tell.
    func perform(_ act: Act, for operation: Operation, _ lease: Lease) async -> Outcome? {
        let elector = parts.elector
        let parts = parts
        let lines = LogLines()
        let flusher = Task { await flush(lines, operation.id, lease) }
        let outcome: Outcome? = await withTaskGroup(of: Outcome?.self) { group in
            group.addTask {
                await RemediationDesk.carryOut(
                    act, operation, parts, epoch: lease.epoch,
                    permit: { elector.token(at: .now()) == lease.token }, output: { lines.add($0) })
            }
            group.addTask { [id = operation.id] in
                while !Task.isCancelled, elector.token(at: .now()) == lease.token {
                    // A playbook that nobody wants any more is ended; a request to the provider is soon over.
                    if act.isPlaybook, await self.isUnwanted(id) { return .playbook(.cancelled) }
                    try? await Task.sleep(for: .milliseconds(RemediationDesk.watchMilliseconds))
                }
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        flusher.cancel()
        await flusher.value
        guard parts.elector.token(at: .now()) == lease.token else { return nil }
        return outcome
    }

    /// Whether a person wants the end of an operation that can still be taken back.
    private func isUnwanted(_ id: String) -> Bool {
        guard let core = lead?.runs[id]?.core else { return false }
        return core.draft.isCancelled && !core.operation.isCommitted
    }

    private func flush(_ lines: LogLines, _ id: String, _ lease: Lease) async {
        while true {
            try? await Task.sleep(for: .milliseconds(RemediationDesk.flushMilliseconds))
            let taken = lines.take()
            try? await journal.append(taken, to: id, token: lease.token)
            if Task.isCancelled { return }
        }
    }

    private static func carryOut(
        _ act: Act, _ operation: Operation, _ parts: Parts, epoch: Int64,
        permit: @escaping Permit, output: @escaping @Sendable (String) -> Void
    ) async -> Outcome {
        switch act {
        case .provision: return await play(parts.means.provision, operation, parts, epoch, output)
        case .production: return await play(parts.means.production, operation, parts, epoch, output)
        case .launch, .find, .look, .reboot, .stop, .start, .terminate: break
        }
        guard let provider = parts.means.provider else {
            return .fault(.permanent("no provider is configured"))
        }
        do throws(ProviderFault) {
            let id = operation.id
            switch act {
            case .launch(let attempt):
                let order = LaunchOrder(
                    token: id, cluster: parts.cluster, name: operation.newcomer, attempt: attempt)
                return .machine(try await provider.launch(order, permit: permit))
            case .find:
                guard let found = try await provider.machine(launchedBy: id) else { return .nothing }
                // Some clouds ignore a filter that they do not know: what is found would be terminated.
                guard (found.operation ?? id) == id else {
                    throw .permanent(
                        "asked for the machine of operation \(id), the provider names \(found.id)")
                }
                return .machine(found)
            case .look(let machine):
                return try await look(provider, machine: machine, address: operation.address)
            case .reboot(let machine): try await provider.reboot(machine, operation: id, permit: permit)
            case .stop(let machine): try await provider.stop(machine, operation: id, permit: permit)
            case .start(let machine): try await provider.start(machine, operation: id, permit: permit)
            case .terminate(let machine): try await provider.terminate(machine, operation: id, permit: permit)
            case .provision, .production: break
            }
            return .done
        } catch {
            return .fault(error)
        }
    }

    /// Looks at a machine by its name, or else by the target's address; an answer about another one is none.
    private static func look(
        _ provider: some Provider, machine: String, address: String
    ) async throws(ProviderFault) -> Outcome {
        if !machine.isEmpty {
            let found = try await provider.machine(machine)
            guard found.id == machine else {
                throw .permanent("asked for machine \(machine), the provider tells of \(found.id)")
            }
            return .machine(found)
        }
        guard !address.isEmpty, let found = try await provider.machine(at: address) else { return .nothing }
        let wanted = Remediation.Machine.numeric(address) ?? address
        let told = [found.privateAddress, found.publicAddress].compactMap { $0 }
        guard told.isEmpty || told.contains(wanted) else {
            throw .permanent("asked for the machine at \(address), the provider names \(found.id)")
        }
        return .machine(found)
    }

    private static func play(
        _ step: PlaybookStep?, _ operation: Operation, _ parts: Parts, _ epoch: Int64,
        _ output: @escaping @Sendable (String) -> Void
    ) async -> Outcome {
        guard let step, let runner = parts.means.runner else { return .done }
        let isNew = operation.step != .application
        let target = PlaybookTarget(
            host: isNew ? operation.newcomer : operation.target,
            address: isNew ? operation.launchedAddress : operation.address, cluster: parts.cluster,
            operation: operation.id,
            epoch: epoch, machine: isNew ? operation.launched : operation.machine)
        do throws(PlaybookFault) {
            output("--- \(operation.step.rawValue) on \(target.host) (\(target.address)), epoch \(epoch)")
            try await runner.run(
                step, on: target, deadlineSeconds: Int(parts.limits.playbookMilliseconds / 1000),
                output: output)
            return .done
        } catch {
            output("--- \(error)")
            return .playbook(error)
        }
    }
}
