/// Moves one address between machines at the provider, as EC2's AssociateAddress does.
package protocol AddressMover: Sendable {
    /// What this agent's machine is called at the provider; throws where it cannot be found out.
    func ownMachine() async throws(ProviderFault) -> String
    /// The machine that has the address of this allocation now; nil when none has.
    func holder(of allocation: String) async throws(ProviderFault) -> String?
    /// Gives the address to a machine, whoever has it. The provider checks no epoch: `permit` is asked immediately before
    /// the request is sent.
    func move(_ allocation: String, to machine: String, permit: @escaping Permit) async throws(ProviderFault)
}

extension EC2Provider: AddressMover {}
