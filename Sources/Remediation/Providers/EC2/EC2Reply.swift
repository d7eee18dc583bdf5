import Linux

/// What EC2 answered, classified.
enum EC2Reply: Sendable, Equatable {
    /// `<ActionResponse>`.
    case done(XMLNode)
    /// An error that EC2 named.
    case error(code: String, message: String)
    /// Not EC2's words: HTML, nothing, half an answer, another schema; why.
    case nonsense(String)

    /// Reads an answer.
    init(status: Int, body: [UInt8], action: String) {
        let root: XMLNode
        do throws(XMLFault) {
            root = try XMLNode.parse(body)
        } catch {
            self = .nonsense("the answer (status \(status)) makes no sense: \(error)")
            return
        }
        // Compatible clouds and the sign-in before EC2 use the other root.
        let error = root.node("Errors", "Error") ?? root["Error"]
        if ["Response", "ErrorResponse"].contains(root.name), let error, let code = error.text("Code") {
            self = .error(code: EC2Reply.plain(code), message: EC2Reply.plain(error.text("Message") ?? ""))
        } else if root.name == "\(action)Response", (200..<300).contains(status) {
            self = .done(root)
        } else {
            self = .nonsense(
                "the answer (status \(status)) is <\(EC2Reply.plain(root.name))>, not <\(action)Response>")
        }
    }

    /// The longest error text that is passed on, in characters.
    private static let textMax = 300

    /// A text of the cloud's as logs may show it.
    static func plain(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(textMax) {
            let isControl = scalar.properties.generalCategory == .control
            result.unicodeScalars.append(isControl ? " " : scalar)
        }
        return result
    }
}

/// The codes of EC2's errors, by what they mean for whoever asked.
enum EC2ErrorMeaning: Sendable, Equatable {
    /// `DryRunOperation`: the request would have been carried out.
    case wouldWork
    /// Too many requests; nothing was done.
    case throttled
    /// The session token is no longer good: new credentials may be.
    case expired
    case auth
    case capacity
    case missing
    /// The machine is on its way from one state to another; nothing was done.
    case unready
    /// The same token was used with other parameters.
    case otherParameters
    /// EC2 failed; it may have done what it was asked.
    case failure
    case permanent

    init(code: String, status: Int) {
        switch code {
        case "DryRunOperation": self = .wouldWork
        case "RequestLimitExceeded", "Throttling", "ThrottlingException", "RequestThrottled",
            "RequestThrottledException", "SlowDown", "EC2ThrottledException", "BandwidthLimitExceeded":
            self = .throttled
        case "ExpiredToken", "ExpiredTokenException", "RequestExpired": self = .expired
        case "AuthFailure", "UnauthorizedOperation", "InvalidClientTokenId", "SignatureDoesNotMatch",
            "OptInRequired", "Blocked", "PendingVerification", "AccessDenied", "AccessDeniedException",
            "UnrecognizedClientException", "IncompleteSignature", "MissingAuthenticationToken",
            "InvalidAccessKeyId", "InvalidSecurityToken", "Client.UnauthorizedOperation":
            self = .auth
        case "InsufficientInstanceCapacity", "InsufficientHostCapacity",
            "InsufficientReservedInstanceCapacity", "InsufficientCapacity", "InsufficientCapacityOnHost",
            "InstanceLimitExceeded", "VcpuLimitExceeded", "MaxSpotInstanceCountExceeded",
            "SpotMaxPriceTooLow", "InsufficientFreeAddressesInSubnet", "Unsupported",
            "InsufficientAddressCapacity", "ReservationCapacityExceeded":
            self = .capacity
        case "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "InvalidInstanceID",
            "InvalidInstanceId.NotFound":
            self = .missing
        case "IncorrectInstanceState", "IncorrectState": self = .unready
        case "IdempotentParameterMismatch": self = .otherParameters
        case "InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable", "RequestTimeout",
            "ServerInternal", "InternalServerError":
            self = .failure
        default: self = status == 429 ? .throttled : status >= 500 ? .failure : .permanent
        }
    }
}

extension Machine {
    /// An instance as EC2 describes it; nil for anything without an id.
    init?(_ item: XMLNode) {
        guard let id = item.text("instanceId"), Machine.isID(id) else { return nil }
        let tags = item.items("tagSet").first { $0.text("key") == EC2Tags.operation }
        self.init(
            id: id, state: item.text("instanceState", "name").flatMap(State.init) ?? .unknown,
            privateAddress: item.text("privateIpAddress").flatMap(Machine.numeric),
            publicAddress: item.text("ipAddress").flatMap(Machine.numeric),
            operation: tags?.text("value"),
            launchedAt: item.text("launchTime").flatMap(Timestamp.milliseconds))
    }

    /// An address in its canonical form; nil for anything that is none.
    package static func numeric(_ text: String) -> String? { (try? SocketAddress(host: text, port: 1))?.host }

    /// Names of machines end up in requests, logs and inventories: 1 to 64 letters, digits and `-._`.
    static func isID(_ text: String) -> Bool { text.isPlainName(bytesMax: 64) }
}

/// The tags that machines are found by.
enum EC2Tags {
    static let cluster = "troop:cluster"
    static let operation = "troop:operation"
}
