import FoundationEssentials
import Store

/// Keys as metadata services answer them.
private struct MetadataKeys: Decodable {
    var code: String?
    var accessKey: String
    var secretKey: String
    var token: String?
    var expiration: String?

    enum CodingKeys: String, CodingKey {
        case code = "Code"
        case accessKey = "AccessKeyId"
        case secretKey = "SecretAccessKey"
        case token = "Token"
        case expiration = "Expiration"
    }

    static func credentials(_ body: [UInt8], source: String) throws(CredentialFault) -> AWSCredentials {
        guard let keys = try? JSONDecoder().decode(MetadataKeys.self, from: Data(body)),
            keys.code == nil || keys.code == "Success", !keys.accessKey.isEmpty, !keys.secretKey.isEmpty
        else { throw CredentialFault(description: "\(source) answered no keys; look at the role it serves") }
        var expiresAt: Int64?
        if let text = keys.expiration {
            guard let moment = Timestamp.milliseconds(text) else {
                throw CredentialFault(description: "\(source) answered keys with an end that is no moment")
            }
            expiresAt = moment
        }
        return AWSCredentials(
            accessKey: keys.accessKey, secretKey: Secret(keys.secretKey),
            sessionToken: keys.token.flatMap { $0.isEmpty ? nil : Secret($0) }, expiresAt: expiresAt,
            source: source)
    }
}

/// The endpoint that a container's runtime serves its role's keys at (ECS, EKS pod identity).
struct ContainerCredentials: Sendable {
    let world: CredentialWorld

    /// The role's keys; nil outside of such a container.
    func credentials() throws(CredentialFault) -> AWSCredentials? {
        guard let url = try url() else { return nil }
        var headers = ["Accept: application/json"]
        if let token = try token() {
            guard token.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
                throw CredentialFault(
                    description: "the container's authorization token has control characters; look at it")
            }
            headers.append("Authorization: \(token)")
        }
        guard let answer = world.ask(.init(method: "GET", url: url, headers: headers)) else {
            throw CredentialFault(description: "the container's credentials endpoint does not answer")
        }
        guard answer.status == 200 else {
            throw CredentialFault(
                description:
                    "the container's credentials endpoint answered \(answer.status); look at its role")
        }
        return try MetadataKeys.credentials(answer.body, source: "the container's role")
    }

    private func url() throws(CredentialFault) -> String? {
        if let path = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return "http://169.254.170.2\(path)"
        }
        guard let url = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return nil }
        // A token must not be sent in the clear to whoever can set a variable.
        let hosts = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "127.0.0.1", "[::1]"]
        let isOurs = hosts.contains { host in
            ["/", ":"].contains { url.hasPrefix("http://\(host)\($0)") } || url == "http://\(host)"
        }
        guard url.hasPrefix("https://") || isOurs else {
            throw CredentialFault(
                description:
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor a loopback or link-local "
                    + "address; expected one of these")
        }
        return url
    }

    private func token() throws(CredentialFault) -> String? {
        guard let path = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") else {
            return variable("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        }
        guard let bytes = world.read(path) else {
            throw CredentialFault(
                description: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: \(path) cannot be read; mend its mode")
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return String(text.prefix { !$0.isNewline })
    }

    private func variable(_ name: String) -> String? {
        world.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The metadata service of an EC2 instance, version 2: no request without a token that a PUT was answered with.
struct InstanceCredentials: Sendable {
    let world: CredentialWorld

    /// The instance role's keys; nil where there is no such service or no role.
    func credentials() throws(CredentialFault) -> AWSCredentials? {
        guard let token = try token() else { return nil }
        let path = "/latest/meta-data/iam/security-credentials/"
        guard let list = get(path, token), list.status == 200 else { return nil }
        let text = String(decoding: list.body, as: UTF8.self)
        let role = String(text.prefix { !$0.isNewline })
        guard !role.isEmpty, role.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") })
        else {
            return nil
        }
        guard let keys = get(path + EC2Form.escaped(role), token), keys.status == 200 else {
            throw CredentialFault(
                description:
                    "the instance's metadata service names role '\(EC2Reply.plain(role))' and does not "
                    + "answer its keys; try again, or attach the role anew")
        }
        return try MetadataKeys.credentials(
            keys.body, source: "the instance's role '\(EC2Reply.plain(role))'")
    }

    /// The region the instance runs in.
    func region() -> String? {
        guard let token = try? token(), let answer = get("/latest/meta-data/placement/region", token),
            answer.status == 200
        else { return nil }
        let text = String(decoding: answer.body, as: UTF8.self)
        return EC2Settings.isRegion(text) ? text : nil
    }

    /// The instance's own name.
    func instanceID() -> String? {
        guard let token = try? token(), let answer = get("/latest/meta-data/instance-id", token),
            answer.status == 200
        else { return nil }
        let text = String(decoding: answer.body, as: UTF8.self)
        return Machine.isID(text) ? text : nil
    }

    private func token() throws(CredentialFault) -> String? {
        if world.environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true" { return nil }
        let question = CredentialWorld.Question(
            method: "PUT", url: "\(endpoint)/latest/api/token",
            headers: ["X-aws-ec2-metadata-token-ttl-seconds: 21600"])
        guard let answer = world.ask(question) else { return nil }
        let text = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == 200, (1...1024).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
        else {
            throw CredentialFault(
                description:
                    "the instance's metadata service refuses a token (status \(answer.status)); in a "
                    + "container raise the instance's hop limit to 2")
        }
        return text
    }

    private func get(_ path: String, _ token: String) -> (status: Int, body: [UInt8])? {
        world.ask(
            .init(
                method: "GET", url: endpoint + path, headers: ["X-aws-ec2-metadata-token: \(token)"]))
    }

    private var endpoint: String {
        if let given = world.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"], !given.isEmpty {
            return given.hasSuffix("/") ? String(given.dropLast()) : given
        }
        let mode = world.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased()
        return mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
    }
}
