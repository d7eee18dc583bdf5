import FoundationEssentials

/// What the configuration says of EC2.
package struct EC2Settings: Sendable, Equatable {
    /// As `us-east-1`; nil asks the environment, the profile and the instance.
    package var region: String?
    /// As `http://127.0.0.1:5000`; nil is AWS's own for the region.
    package var endpoint: String?
    /// The image's name (AMI); nil is the launch template's.
    package var image: String?
    /// The first is taken first, the next when there is no room for it.
    package var instanceTypes: [String] = []
    /// The next one is taken when no type has room in the one before.
    package var subnets: [String] = []
    /// The network (VPC) of the troop's hosts; nil looks in all of the region's.
    package var vpc: String?
    /// Security groups by id.
    package var securityGroups: [String] = []
    /// The key pair's name.
    package var keyName: String?
    /// A launch template by id (`lt-…`) or name, with `:VERSION` after it where not the default one is meant.
    package var launchTemplate: String?
    /// An instance profile by name or ARN.
    package var instanceProfile: String?
    /// A file whose text is the user data; `{{troop.name}}`, `{{troop.cluster}}` and `{{troop.operation}}` in it are filled in.
    package var userDataFile: String?
    /// Tags besides those that machines are found by.
    package var tags: [String: String] = [:]
    /// The profile in the shared files; nil leaves it to the environment.
    package var profile: String?
    /// The shared file of credentials; nil is AWS's own.
    package var credentialsFile: String?
    /// The time for one request, in milliseconds.
    package var timeoutMilliseconds = 15_000

    /// Nothing but defaults.
    package init() {}

    /// Names of regions end up in the URL and in the signature.
    package static func isRegion(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// AWS's own endpoint of a region.
    static func endpoint(of region: String) -> String {
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        return "https://ec2.\(region).\(domain)/"
    }

    /// The form that launches a machine; `userData` is the filled-in text of the file.
    func launchForm(_ order: LaunchOrder, userData: [UInt8]?) throws(ProviderFault) -> EC2Form {
        var form = EC2Form("RunInstances")
        form.add("MinCount", "1")
        form.add("MaxCount", "1")
        form.add("ClientToken", try EC2Settings.clientToken(order))
        form.add("ImageId", image)
        // Each further try: the next type in the same subnet, then all types in the next.
        let types = max(1, instanceTypes.count)
        let attempt = max(0, order.attempt)
        if !instanceTypes.isEmpty { form.add("InstanceType", instanceTypes[attempt % types]) }
        if !subnets.isEmpty { form.add("SubnetId", subnets[attempt / types % subnets.count]) }
        form.add("SecurityGroupId", each: securityGroups)
        form.add("KeyName", keyName)
        form.add("IamInstanceProfile.\(isARN(instanceProfile) ? "Arn" : "Name")", instanceProfile)
        if let launchTemplate {
            let parts = launchTemplate.split(separator: ":", maxSplits: 1).map(String.init)
            let isID = launchTemplate.hasPrefix("lt-")
            form.add("LaunchTemplate.LaunchTemplate\(isID ? "Id" : "Name")", parts.first)
            if parts.count > 1 { form.add("LaunchTemplate.Version", parts[1]) }
        }
        if let userData { form.add("UserData", Data(userData).base64EncodedString()) }
        form.add("TagSpecification.1.ResourceType", "instance")
        var all = tags
        all[EC2Tags.cluster] = order.cluster
        all[EC2Tags.operation] = order.token
        if all["Name"] == nil { all["Name"] = order.name }
        for (index, tag) in all.sorted(by: { $0.key < $1.key }).enumerated() {
            form.add("TagSpecification.1.Tag.\(index + 1).Key", tag.key)
            form.add("TagSpecification.1.Tag.\(index + 1).Value", tag.value)
        }
        return form
    }

    private func isARN(_ text: String?) -> Bool { text?.hasPrefix("arn:") ?? false }

    /// A token is bound to the parameters of its first use: a try with another type or subnet needs another one.
    static func clientToken(_ order: LaunchOrder) throws(ProviderFault) -> String {
        let token = order.attempt > 0 ? "\(order.token)-\(order.attempt)" : order.token
        guard (1...64).contains(token.utf8.count), token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw .permanent(
                "an operation's id must be 1 to 64 ASCII characters, this one is \(token.utf8.count)")
        }
        return token
    }

    /// A text with its placeholders filled in.
    static func filled(_ text: String, _ order: LaunchOrder) -> String {
        text.replacing("{{troop.name}}", with: order.name)
            .replacing("{{troop.cluster}}", with: order.cluster)
            .replacing("{{troop.operation}}", with: order.token)
    }
}
