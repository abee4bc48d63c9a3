# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_nvidia_smi_web_agent_global_optspecs
    string join \n port= bind= url-prefix= tls-cert= tls-key= tls-client-ca= token-file= anonymous= cors-origins= allowed-hosts= access-log= interval= nvml-library= idle-after= sleep= sleep-after= sys-root= resolve-pids control-socket= container-socket= kubelet-socket= kubelet-period= commands= metrics-names= metrics-processes metrics-processes-max= dcgm-counters= dcgm-hostname-label= dcgm-job-dir= history-fine= history-coarse= state-dir= peers= stream-clients= log= dev-root= proc-root= h/help V/version
end

function __fish_nvidia_smi_web_agent_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_nvidia_smi_web_agent_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_nvidia_smi_web_agent_using_subcommand
    set -l cmd (__fish_nvidia_smi_web_agent_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l port -d 'The port to listen on' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l bind -d 'Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l url-prefix -d 'The path that everything lives under, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l tls-cert -d 'The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l tls-client-ca -d 'Let in only who has a certificate of one of these authorities, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l token-file -d 'Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone) and a token. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l anonymous -d 'What is seen without a token [default: none where there is one, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l cors-origins -d 'Origins whose pages may read answers (CORS), such as https://board.example.org, with commas' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l allowed-hosts -d 'By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not given, any name will do, unless it listens for this host alone' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l access-log -d 'A line for each request on standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l interval -d 'How often the GPUs are read: from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l nvml-library -d 'The driver library to load, instead of looking for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l idle-after -d 'After how long without work a GPU whose memory is held counts as held and no longer as busy' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l sleep -d 'Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l sleep-after -d 'After how long without a process GPUs are let go, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l sys-root -d 'The root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l control-socket -d 'The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the commands also look in /run/nvidia-smi-web-agent]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l container-socket -d 'Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or /run/podman/podman.sock). Whoever can open it has root\'s power over this host, and so has the agent then, though it never sends anything but GET. Without it containers are shown by their id' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l kubelet-socket -d 'Ask the kubelet which pods have which GPUs, at this socket (usually /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is not free, and pods are shown by their names' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l kubelet-period -d 'How often the kubelet is asked, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l commands -d 'What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone; or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-names -d 'Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that were written for it), or both with a comma. A scrape may ask for others with ?names=' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-processes-max -d 'How many processes may have series; those with the least memory have none, and nvsmi_agent_metrics_processes_left_out says how many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dcgm-counters -d 'dcgm-exporter\'s own file of counters (its -f), which chooses what is served under its names. `check` lists what of it cannot be' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dcgm-hostname-label -d 'The label that bears the host\'s name under dcgm-exporter\'s names: it was Hostname until 4.8.3 made it hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dcgm-job-dir -d 'The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM\'s names: a file per GPU, named by its index, with a job per line. Without it jobs are Slurm\'s, by the processes\' cgroups' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l history-fine -d 'For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l history-coarse -d 'For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l state-dir -d 'Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l peers -d 'Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at which their agents are seen at this one\'s address, as behind one proxy. An address such as https://gpu09.example/ is shown as a link. The agent itself asks none of them' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l stream-clients -d 'How many may read /api/v1/stream at once; further ones are told to poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l log -d 'What is logged to standard error: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dev-root -d 'Where the driver\'s devices are, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l proc-root -d 'The root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-processes -d 'Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the monitoring system when it ends'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -s V -l version -d 'Print version'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "release" -d 'Have the running agent let the driver and all GPUs go for a while, and serve on'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "resume" -d 'Have the running agent read the GPUs again, before its release is over'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "check" -d 'Print the effective configuration and say what is wrong with it'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "health" -d 'Ask the running agent whether it serves, or with --gpus how every GPU is'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "capture" -d 'Write down what the driver answers, for a bug report'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l for -d 'For how long: from 1s to 24h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l port -d 'The port to listen on' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l bind -d 'Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l url-prefix -d 'The path that everything lives under, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l tls-cert -d 'The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l tls-client-ca -d 'Let in only who has a certificate of one of these authorities, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l token-file -d 'Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone) and a token. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l anonymous -d 'What is seen without a token [default: none where there is one, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l cors-origins -d 'Origins whose pages may read answers (CORS), such as https://board.example.org, with commas' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l allowed-hosts -d 'By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not given, any name will do, unless it listens for this host alone' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l access-log -d 'A line for each request on standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l interval -d 'How often the GPUs are read: from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l nvml-library -d 'The driver library to load, instead of looking for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l idle-after -d 'After how long without work a GPU whose memory is held counts as held and no longer as busy' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l sleep -d 'Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l sleep-after -d 'After how long without a process GPUs are let go, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l sys-root -d 'The root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l control-socket -d 'The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the commands also look in /run/nvidia-smi-web-agent]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l container-socket -d 'Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or /run/podman/podman.sock). Whoever can open it has root\'s power over this host, and so has the agent then, though it never sends anything but GET. Without it containers are shown by their id' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l kubelet-socket -d 'Ask the kubelet which pods have which GPUs, at this socket (usually /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is not free, and pods are shown by their names' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l kubelet-period -d 'How often the kubelet is asked, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l commands -d 'What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone; or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-names -d 'Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that were written for it), or both with a comma. A scrape may ask for others with ?names=' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-processes-max -d 'How many processes may have series; those with the least memory have none, and nvsmi_agent_metrics_processes_left_out says how many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dcgm-counters -d 'dcgm-exporter\'s own file of counters (its -f), which chooses what is served under its names. `check` lists what of it cannot be' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dcgm-hostname-label -d 'The label that bears the host\'s name under dcgm-exporter\'s names: it was Hostname until 4.8.3 made it hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dcgm-job-dir -d 'The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM\'s names: a file per GPU, named by its index, with a job per line. Without it jobs are Slurm\'s, by the processes\' cgroups' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l history-fine -d 'For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l history-coarse -d 'For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l state-dir -d 'Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l peers -d 'Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at which their agents are seen at this one\'s address, as behind one proxy. An address such as https://gpu09.example/ is shown as a link. The agent itself asks none of them' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l stream-clients -d 'How many may read /api/v1/stream at once; further ones are told to poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l log -d 'What is logged to standard error: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dev-root -d 'Where the driver\'s devices are, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l proc-root -d 'The root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-processes -d 'Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the monitoring system when it ends'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l port -d 'The port to listen on' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l bind -d 'Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l url-prefix -d 'The path that everything lives under, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l tls-cert -d 'The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l tls-client-ca -d 'Let in only who has a certificate of one of these authorities, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l token-file -d 'Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone) and a token. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l anonymous -d 'What is seen without a token [default: none where there is one, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l cors-origins -d 'Origins whose pages may read answers (CORS), such as https://board.example.org, with commas' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l allowed-hosts -d 'By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not given, any name will do, unless it listens for this host alone' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l access-log -d 'A line for each request on standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l interval -d 'How often the GPUs are read: from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l nvml-library -d 'The driver library to load, instead of looking for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l idle-after -d 'After how long without work a GPU whose memory is held counts as held and no longer as busy' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l sleep -d 'Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l sleep-after -d 'After how long without a process GPUs are let go, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l sys-root -d 'The root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l control-socket -d 'The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the commands also look in /run/nvidia-smi-web-agent]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l container-socket -d 'Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or /run/podman/podman.sock). Whoever can open it has root\'s power over this host, and so has the agent then, though it never sends anything but GET. Without it containers are shown by their id' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l kubelet-socket -d 'Ask the kubelet which pods have which GPUs, at this socket (usually /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is not free, and pods are shown by their names' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l kubelet-period -d 'How often the kubelet is asked, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l commands -d 'What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone; or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-names -d 'Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that were written for it), or both with a comma. A scrape may ask for others with ?names=' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-processes-max -d 'How many processes may have series; those with the least memory have none, and nvsmi_agent_metrics_processes_left_out says how many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dcgm-counters -d 'dcgm-exporter\'s own file of counters (its -f), which chooses what is served under its names. `check` lists what of it cannot be' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dcgm-hostname-label -d 'The label that bears the host\'s name under dcgm-exporter\'s names: it was Hostname until 4.8.3 made it hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dcgm-job-dir -d 'The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM\'s names: a file per GPU, named by its index, with a job per line. Without it jobs are Slurm\'s, by the processes\' cgroups' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l history-fine -d 'For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l history-coarse -d 'For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l state-dir -d 'Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l peers -d 'Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at which their agents are seen at this one\'s address, as behind one proxy. An address such as https://gpu09.example/ is shown as a link. The agent itself asks none of them' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l stream-clients -d 'How many may read /api/v1/stream at once; further ones are told to poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l log -d 'What is logged to standard error: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dev-root -d 'Where the driver\'s devices are, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l proc-root -d 'The root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-processes -d 'Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the monitoring system when it ends'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -s h -l help -d 'Print help'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l port -d 'The port to listen on' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l bind -d 'Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l url-prefix -d 'The path that everything lives under, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l tls-cert -d 'The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l tls-client-ca -d 'Let in only who has a certificate of one of these authorities, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l token-file -d 'Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone) and a token. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l anonymous -d 'What is seen without a token [default: none where there is one, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l cors-origins -d 'Origins whose pages may read answers (CORS), such as https://board.example.org, with commas' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l allowed-hosts -d 'By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not given, any name will do, unless it listens for this host alone' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l access-log -d 'A line for each request on standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l interval -d 'How often the GPUs are read: from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l nvml-library -d 'The driver library to load, instead of looking for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l idle-after -d 'After how long without work a GPU whose memory is held counts as held and no longer as busy' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l sleep -d 'Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l sleep-after -d 'After how long without a process GPUs are let go, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l sys-root -d 'The root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l control-socket -d 'The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the commands also look in /run/nvidia-smi-web-agent]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l container-socket -d 'Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or /run/podman/podman.sock). Whoever can open it has root\'s power over this host, and so has the agent then, though it never sends anything but GET. Without it containers are shown by their id' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l kubelet-socket -d 'Ask the kubelet which pods have which GPUs, at this socket (usually /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is not free, and pods are shown by their names' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l kubelet-period -d 'How often the kubelet is asked, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l commands -d 'What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone; or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-names -d 'Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that were written for it), or both with a comma. A scrape may ask for others with ?names=' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-processes-max -d 'How many processes may have series; those with the least memory have none, and nvsmi_agent_metrics_processes_left_out says how many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dcgm-counters -d 'dcgm-exporter\'s own file of counters (its -f), which chooses what is served under its names. `check` lists what of it cannot be' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dcgm-hostname-label -d 'The label that bears the host\'s name under dcgm-exporter\'s names: it was Hostname until 4.8.3 made it hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dcgm-job-dir -d 'The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM\'s names: a file per GPU, named by its index, with a job per line. Without it jobs are Slurm\'s, by the processes\' cgroups' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l history-fine -d 'For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l history-coarse -d 'For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l state-dir -d 'Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l peers -d 'Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at which their agents are seen at this one\'s address, as behind one proxy. An address such as https://gpu09.example/ is shown as a link. The agent itself asks none of them' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l stream-clients -d 'How many may read /api/v1/stream at once; further ones are told to poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l log -d 'What is logged to standard error: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dev-root -d 'Where the driver\'s devices are, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l proc-root -d 'The root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-processes -d 'Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the monitoring system when it ends'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l port -d 'The port to listen on' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l bind -d 'Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l url-prefix -d 'The path that everything lives under, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l tls-cert -d 'The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l tls-client-ca -d 'Let in only who has a certificate of one of these authorities, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l token-file -d 'Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone) and a token. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l anonymous -d 'What is seen without a token [default: none where there is one, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l cors-origins -d 'Origins whose pages may read answers (CORS), such as https://board.example.org, with commas' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l allowed-hosts -d 'By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not given, any name will do, unless it listens for this host alone' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l access-log -d 'A line for each request on standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l interval -d 'How often the GPUs are read: from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l nvml-library -d 'The driver library to load, instead of looking for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l idle-after -d 'After how long without work a GPU whose memory is held counts as held and no longer as busy' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l sleep -d 'Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l sleep-after -d 'After how long without a process GPUs are let go, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l sys-root -d 'The root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l control-socket -d 'The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the commands also look in /run/nvidia-smi-web-agent]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l container-socket -d 'Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or /run/podman/podman.sock). Whoever can open it has root\'s power over this host, and so has the agent then, though it never sends anything but GET. Without it containers are shown by their id' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l kubelet-socket -d 'Ask the kubelet which pods have which GPUs, at this socket (usually /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is not free, and pods are shown by their names' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l kubelet-period -d 'How often the kubelet is asked, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l commands -d 'What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone; or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-names -d 'Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that were written for it), or both with a comma. A scrape may ask for others with ?names=' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-processes-max -d 'How many processes may have series; those with the least memory have none, and nvsmi_agent_metrics_processes_left_out says how many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dcgm-counters -d 'dcgm-exporter\'s own file of counters (its -f), which chooses what is served under its names. `check` lists what of it cannot be' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dcgm-hostname-label -d 'The label that bears the host\'s name under dcgm-exporter\'s names: it was Hostname until 4.8.3 made it hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dcgm-job-dir -d 'The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM\'s names: a file per GPU, named by its index, with a job per line. Without it jobs are Slurm\'s, by the processes\' cgroups' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l history-fine -d 'For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l history-coarse -d 'For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l state-dir -d 'Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l peers -d 'Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at which their agents are seen at this one\'s address, as behind one proxy. An address such as https://gpu09.example/ is shown as a link. The agent itself asks none of them' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l stream-clients -d 'How many may read /api/v1/stream at once; further ones are told to poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l log -d 'What is logged to standard error: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dev-root -d 'Where the driver\'s devices are, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l proc-root -d 'The root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l gpus -d 'Print a line for each GPU, for cron and Slurm'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-processes -d 'Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the monitoring system when it ends'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l output -d 'The file to write, instead of standard output' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l timeout -d 'How long the driver may take; what has come by then is written' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l port -d 'The port to listen on' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l bind -d 'Where to listen: addresses, with a port of their own or the one above (127.0.0.1, [::1]:9000), and sockets (unix:/run/gpu.sock,mode=0660), several with commas or by saying it again' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l url-prefix -d 'The path that everything lives under, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l tls-cert -d 'The certificate to speak HTTPS with, and after it those that lead to an authority, in PEM. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l tls-key -d 'The certificate\'s private key, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l tls-client-ca -d 'Let in only who has a certificate of one of these authorities, in PEM' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l token-file -d 'Further tokens: a line is a name, a scope (read: everything; summary: nothing of people; metrics: /metrics alone) and a token. It is read again when it changes' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l anonymous -d 'What is seen without a token [default: none where there is one, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l cors-origins -d 'Origins whose pages may read answers (CORS), such as https://board.example.org, with commas' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l allowed-hosts -d 'By which names this host may be asked where it wants no token, beside localhost and addresses, with commas. Not given, any name will do, unless it listens for this host alone' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l access-log -d 'A line for each request on standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l interval -d 'How often the GPUs are read: from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l nvml-library -d 'The driver library to load, instead of looking for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l idle-after -d 'After how long without work a GPU whose memory is held counts as held and no longer as busy' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l sleep -d 'Let idle GPUs be suspended where runtime power management is on for all of them (auto), or not (never)' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l sleep-after -d 'After how long without a process GPUs are let go, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l sys-root -d 'The root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l control-socket -d 'The socket on which the agent hears `release` and `resume` [default: control.sock in $RUNTIME_DIRECTORY; the commands also look in /run/nvidia-smi-web-agent]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l container-socket -d 'Ask Docker or Podman for the names of containers, at this socket (usually /run/docker.sock or /run/podman/podman.sock). Whoever can open it has root\'s power over this host, and so has the agent then, though it never sends anything but GET. Without it containers are shown by their id' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l kubelet-socket -d 'Ask the kubelet which pods have which GPUs, at this socket (usually /var/lib/kubelet/pod-resources/kubelet.sock). It tells and takes no orders. With it a GPU that was given to a pod is not free, and pods are shown by their names' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l kubelet-period -d 'How often the kubelet is asked, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l commands -d 'What is shown of command lines: full; masked, without what is obviously a secret; name, of the program alone; or hidden. Where this is not given, /api/v1 shows them masked, and /status in full, as the original agent does' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-names -d 'Under which names GPUs are served at /metrics: native, dcgm (those of dcgm-exporter, for dashboards and alerts that were written for it), or both with a comma. A scrape may ask for others with ?names=' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-processes-max -d 'How many processes may have series; those with the least memory have none, and nvsmi_agent_metrics_processes_left_out says how many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dcgm-counters -d 'dcgm-exporter\'s own file of counters (its -f), which chooses what is served under its names. `check` lists what of it cannot be' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dcgm-hostname-label -d 'The label that bears the host\'s name under dcgm-exporter\'s names: it was Hostname until 4.8.3 made it hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dcgm-job-dir -d 'The folder in which a scheduler says which jobs are on which GPU, for the label hpc_job of DCGM\'s names: a file per GPU, named by its index, with a job per line. Without it jobs are Slurm\'s, by the processes\' cgroups' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l history-fine -d 'For how long the history is kept in fine steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l history-coarse -d 'For how long the history is kept in coarse steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l state-dir -d 'Where the history, events and the use of GPUs are kept over a restart [default: $STATE_DIRECTORY, else nowhere]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l peers -d 'Other hosts that the page shows over its overview, such as gpu02=/server2,gpu03=/server3: a name and the path at which their agents are seen at this one\'s address, as behind one proxy. An address such as https://gpu09.example/ is shown as a link. The agent itself asks none of them' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l stream-clients -d 'How many may read /api/v1/stream at once; further ones are told to poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l log -d 'What is logged to standard error: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dev-root -d 'Where the driver\'s devices are, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l proc-root -d 'The root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-processes -d 'Serve the processes on the GPUs at /metrics too, with their users and names. Each leaves its series behind in the monitoring system when it ends'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
