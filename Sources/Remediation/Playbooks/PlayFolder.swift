import FoundationEssentials
import Glibc
import Linux

/// The private folder of one run of ansible: the inventory of just its host, the variables, what ansible keeps meanwhile.
struct PlayFolder {
    let path: String

    private struct Inventory: Encodable {
        struct Group: Encodable { let hosts: [String: [String: String]] }
        let troop: Group
    }

    private struct Variables: Encodable {
        let troop_host: String
        let troop_address: String
        let troop_cluster: String
        let troop_operation: String
        let troop_epoch: Int64
        let troop_machine: String
    }

    /// Makes the folder (mode 0700) and writes its files.
    init(_ ansible: AnsibleSettings, _ target: PlaybookTarget) throws(SystemFault) {
        // Short: the sockets of ssh have paths of at most 107 bytes.
        var template = Array("/tmp/troop-play-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFault("mkdtemp", on: "/tmp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do throws(SystemFault) {
            var host = ["ansible_host": target.address]
            host["ansible_user"] = ansible.user
            host["ansible_ssh_private_key_file"] = ansible.privateKeyFile
            try write(Inventory(troop: .init(hosts: [target.host: host])), as: "inventory.json")
            let variables = Variables(
                troop_host: target.host, troop_address: target.address, troop_cluster: target.cluster,
                troop_operation: target.operation, troop_epoch: target.epoch, troop_machine: target.machine)
            try write(variables, as: "variables.json")
        } catch {
            remove()
            throw error
        }
    }

    private func write(_ document: some Encodable, as name: String) throws(SystemFault) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(document) else {
            throw SystemFault("encode", on: name, code: EINVAL)
        }
        try SmallFile.write(Array(json), to: "\(path)/\(name)")
    }

    /// Removes the folder with all that is in it.
    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// The run of a playbook, in its own folder so that an `ansible.cfg` beside it holds.
    func run(_ playbook: String, _ ansible: AnsibleSettings, _ environment: [String: String]) -> ChildRun {
        var words = [
            ansible.program, "--inventory", "\(path)/inventory.json", "--limit", "troop",
            "--extra-vars", "@\(path)/variables.json",
        ]
        for file in ansible.variableFiles { words += ["--extra-vars", "@\(file)"] }
        if let file = ansible.vaultPasswordFile { words += ["--vault-password-file", file] }
        let isAbsolute = playbook.hasPrefix("/")
        words += ["--", isAbsolute ? playbook : "\(FileManager.default.currentDirectoryPath)/\(playbook)"]
        var run = ChildRun(words, environment: environment, deadlineMilliseconds: 0)
        run.folder = playbook.lastIndex(of: "/").map { String(playbook[...$0]) }
        let hostKeys =
            ansible.knownHostsFile.map {
                "-o UserKnownHostsFile=\(PlayFolder.quoted($0)) -o StrictHostKeyChecking=yes"
            }
            ?? "-o UserKnownHostsFile=\(path)/known_hosts -o StrictHostKeyChecking=accept-new"
        // No shared connections: their keeper would be a session of its own and outlive the run.
        let ours = [
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none -o BatchMode=yes \(hostKeys)",
            "ANSIBLE_HOST_KEY_CHECKING": "True", "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_LOCAL_TEMP": "\(path)/tmp", "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_NOCOLOR": "True", "ANSIBLE_FORCE_COLOR": "False",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "PYTHONUNBUFFERED": "1",
        ]
        run.environment.merge(ours) { $1 }
        // Ansible refuses to work in a locale that is not UTF-8.
        if run.environment["LC_ALL"] == nil, !(run.environment["LANG"] ?? "").contains("UTF-8") {
            run.environment["LC_ALL"] = "C.UTF-8"
        }
        if run.environment["HOME"] == nil { run.environment["HOME"] = path }
        return run
    }

    private static func quoted(_ path: String) -> String {
        "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
