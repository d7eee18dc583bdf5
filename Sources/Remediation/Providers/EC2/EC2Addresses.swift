/// Elastic IPs: which machine has one, and how it is moved.
extension EC2Provider {
    /// This host's own instance, as its metadata service says; throws where there is none.
    package func ownMachine() async throws(ProviderFault) -> String { try await caller.ownInstance() }

    /// The machine that has the address of this allocation (`eipalloc-…`) now; nil when none has.
    package func holder(of allocation: String) async throws(ProviderFault) -> String? {
        var form = EC2Form("DescribeAddresses")
        form.add("AllocationId.1", allocation)
        guard case .done(let root) = try await caller.ask(form, .none),
            let address = root.items("addressesSet").first
        else { throw .permanent("\(EC2Reply.plain(allocation)) is no allocation of an Elastic IP") }
        return address.text("instanceId").flatMap { Machine.isID($0) ? $0 : nil }
    }

    /// Gives the address to a machine, whoever has it; asking twice changes nothing.
    package func move(
        _ allocation: String, to machine: String, permit: @escaping Permit
    ) async throws(ProviderFault) {
        var form = EC2Form("AssociateAddress")
        form.add("AllocationId", allocation)
        form.add("InstanceId", machine)
        form.add("AllowReassociation", "true")
        _ = try await caller.ask(form, .change, permit: permit)
    }
}
