/// The backend as the bench sees it: where it serves and where its ledger is read.
struct BackendLink {
    let port: UInt16
    let control: UInt16

    /// Reads the ledger and starts a new one.
    func takeLedger() throws(BenchFault) -> Ledger {
        guard let report = Loopback.exchange("reset\n", port: control) else {
            throw BenchFault("the backend does not answer on its control port")
        }
        return try Ledger(report)
    }
}
