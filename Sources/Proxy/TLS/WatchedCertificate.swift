import Linux

/// A certificate in use, and what is known of the files that it came from.
struct WatchedCertificate {
    private(set) var source: CertificateSource
    /// What the files looked like when they were last read.
    private var signatures: [CertificateSource.Signature]
    /// What the files looked like at the last look, when that was not `signatures`.
    private var changing: [CertificateSource.Signature]?
    private(set) var names: [String]
    /// Seconds since 1970.
    private(set) var start: Int64
    /// Seconds since 1970.
    private(set) var expiry: Int64
    /// Why the files as they are now are not used; nil when they are.
    private(set) var problem: String?
    /// What was said last of the time that it is for.
    private var told: CertificateNotice?

    /// Reads the files; throws what is wrong with them.
    init(_ files: CertificateFiles) throws(TLSFault) {
        // Looked at before they are read: a change in between shows as one later.
        signatures = CertificateSource.signatures(of: files)
        source = try CertificateSource(files)
        let certificate = try Certificate(source)
        names = certificate.names
        start = certificate.start
        expiry = certificate.expiry
    }

    /// What is wrong with its being in use at this time, in seconds since 1970.
    func warning(at now: Int64) -> CertificateNotice? {
        if now < start { return .early(source.files, start: start, expiry: expiry) }
        return expiry != 0 && now > expiry ? .expired(source.files, start: start, expiry: expiry) : nil
    }

    /// The warning that is due now, unless it was given: when it is taken into use, and when its time ends in use.
    mutating func tell(at now: Int64) -> CertificateNotice? {
        let warning = warning(at: now)
        guard warning != told else { return nil }
        told = warning
        return warning
    }

    /// Looks at the files and at the time, in seconds since 1970; says what came of it.
    mutating func look(isAsked: Bool, at now: Int64) -> [CertificateNotice] {
        lookAtFiles(isAsked: isAsked) + [tell(at: now)].compactMap { $0 }
    }

    /// Takes the files over if they changed and stood still since, and can be used; says what came of it.
    ///
    /// Files with a fault are read at each look, changed or not, since not all that keeps a file from being read
    /// shows in its looks; the fault is told when it is another than before, or when somebody asked.
    private mutating func lookAtFiles(isAsked: Bool) -> [CertificateNotice] {
        let files = source.files
        let found = CertificateSource.signatures(of: files)
        guard isDue(found) || isAsked else { return [] }
        changing = nil
        do throws(TLSFault) {
            let fresh = try CertificateSource(files)
            let certificate = try Certificate(fresh)
            guard isAsked || isStill(found) else { return [] }
            signatures = found
            return take(fresh, certificate)
        } catch {
            guard isAsked || isStill(found) else { return [] }
            signatures = found
            let isKnown = problem == error.description
            problem = error.description
            return isKnown && !isAsked ? [] : [.kept(files, reason: error.description)]
        }
    }

    /// Whether files that look like this are to be read.
    private mutating func isDue(_ found: [CertificateSource.Signature]) -> Bool {
        if found == signatures {
            changing = nil
            return problem != nil
        }
        if found == changing { return true }
        changing = found
        return false
    }

    /// Whether the files look like this even now. Where they do not, what was read may be half of the old and
    /// half of the new, and the next look sees the change.
    private func isStill(_ found: [CertificateSource.Signature]) -> Bool {
        CertificateSource.signatures(of: source.files) == found
    }

    private mutating func take(_ fresh: CertificateSource, _ certificate: Certificate) -> [CertificateNotice]
    {
        let hadProblem = problem != nil
        problem = nil
        guard fresh.certificate != source.certificate || fresh.key != source.key else {
            return hadProblem ? [.recovered(source.files)] : []
        }
        source = fresh
        names = certificate.names
        start = certificate.start
        expiry = certificate.expiry
        told = nil
        return [.replaced(source.files, names: names)]
    }
}
