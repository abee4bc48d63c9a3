# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_nvidia_smi_web_agent_global_optspecs
    string join \n port= bind= url-prefix= hostname= tls-cert= tls-key= tls-client-ca= token-file= anonymous= cors-origins= frame-ancestors= allowed-hosts= access-log= interval= nvml-library= idle-after= sleep= sleep-after= sys-root= resolve-pids control-socket= claims= claims-socket= claim-max= claim-gpus= count-containers= container-socket= kubelet-socket= kubelet-period= commands= metrics-names= metrics-set= metrics-processes metrics-processes-max= metrics-users dcgm-counters= dcgm-hostname-label= dcgm-job-dir= price-gpu-hour= history-fine= history-coarse= history-long= state-dir= usage= usage-retention= usage-flush= peers= stream-clients= log= dev-root= proc-root= h/help V/version
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

complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -s V -l version -d 'Print version'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "release" -d 'Release the driver and all GPUs for a while'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "resume" -d 'Read the GPUs again before the release is over'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "forget" -d 'Forget a GPU that was taken out or is missing'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "check" -d 'Print the configuration and its problems'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "health" -d 'Check that the agent serves, or with --gpus the health of its GPUs'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "usage" -d 'Show who used which GPU, for how long and how busily'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "claim" -d 'Say that GPUs of this host are yours for a while, visibly for all'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "unclaim" -d 'End claims'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "capture" -d 'Record the driver\'s answers for a bug report'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_needs_command" -f -a "hub" -d 'Serve many hosts on one page, from their agents'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l for -d 'Release for this long, from 1s to 24h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l all -d 'List options that are at their default too'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l node -d 'Use this node name [default: $SLURMD_NODENAME, else the hostname up to its first dot]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l scontrol -d 'Run this scontrol instead of the one in PATH, /usr/bin, /bin, /usr/local/bin or /opt/slurm/bin' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l slurm-conf -d 'Use this slurm.conf [default: $SLURM_CONF, else Slurm\'s own]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l scontrol-timeout -d 'End scontrol after this long; it runs at most twice' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l drained -d 'Remember in this folder for which problems the node was drained' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l gpus -d 'Print a verdict and a line for each GPU, for cron and Nagios'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l drain -d 'Drain this Slurm node if a GPU is critical; implies --gpus'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l resume -d 'Resume the node once all GPUs are well, if its reason is still that of --drain'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l since -d 'Begin here: a date, a date with a time, or a time before now, such as -7d [default: -30d]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l until -d 'End here [default: now]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l by -d 'Sum by these: user, gpu, job, pod, container, model, day, hour_of_day [default: user]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l user -d 'Count only this user; repeat it for several' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l gpu -d 'Count only these GPUs, by index or UUID' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l tz -d 'Count days and hours, and read times, in this zone, such as Europe/Berlin [default: this terminal\'s]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l url -d 'Ask this agent: an address, or the name of a target in the configuration file' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l send-token-file -d 'Send the token in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l config -d 'Read the targets from this file [default: ~/.config/nvidia-smi-web-agent/config.toml]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l color -d 'Use colours' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` is set'
always\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l csv -d 'Print the answer of the API as CSV'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l json -d 'Print the answer of the API as JSON'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -f -a "export" -d 'Copy the file of the accounting, also while the agent runs'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and not __fish_seen_subcommand_from export forget" -f -a "forget" -d 'Remove a person\'s name from the accounting'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l user -d 'Remove this name, as the page shows it' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l before -d 'Remove it only from what began before this date or time, such as 2026-11-30 (of this host\'s time zone)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand usage; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l for -d 'Claim for this long, at most --claim-max of the agent [default: 4h]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l why -d 'Give a reason, which everyone sees' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l force -d 'Claim devices on which others compute, too'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l renew -d 'Change the end and the reason of your own claims'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l list -d 'List the claims of all users'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l json -d 'Print JSON'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand claim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand unclaim" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l output -d 'Write to this file instead of standard output' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l timeout -d 'Stop after this long, and write the answers so far' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l port -d 'Listen on this port (a hub: 8080)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l hosts -d 'Find the agents in these lists; separate several with spaces, or repeat the option' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l agent-token-file -d 'Send the tokens in this file to the agents' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l agent-ca -d 'Authenticate agents by these authorities (PEM) [default: those of this host]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l prometheus -d 'Ask this server with the Prometheus HTTP API: Prometheus, VictoriaMetrics, Mimir, Thanos' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l prometheus-user-file -d 'Authenticate to it with the line USER:PASSWORD in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l prometheus-token-file -d 'Authenticate to it with the bearer token in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l prometheus-org-id -d 'Ask it as this tenant (X-Scope-OrgID)' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l live-from -d 'Take the live state of the hosts from here' -r -f -a "agents\t'Each agent, over a stream'
prometheus\t'The engine of --prometheus'"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l scrape-interval -d 'Expect the engine to scrape the agents at this interval, from 1s to 5m [default: learned from its samples]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l port -d 'Listen on this port' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l bind -d 'Listen on these addresses and Unix sockets' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l url-prefix -d 'Serve everything under this path, such as /server1 or a/b' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l hostname -d 'Call this host by this name in all answers, instead of by the kernel\'s hostname' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l tls-cert -d 'Serve HTTPS with this certificate' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l tls-key -d 'Use this private key for the certificate (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l tls-client-ca -d 'Require client certificates of these authorities (PEM)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l token-file -d 'Accept the tokens in this file' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l anonymous -d 'Give clients without a token this scope [default: none if there is a token, else read]' -r -f -a "none\t''
metrics\t''
summary\t''
read\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l cors-origins -d 'Let pages of these origins read answers (CORS), such as https://gpu.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l frame-ancestors -d 'Let pages of these origins embed the page in a frame, such as https://grafana.example.org' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l allowed-hosts -d 'Accept these Host names when no token is required' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l access-log -d 'Log each request to standard error, without secrets' -r -f -a "off\t''
text\t''
json\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l interval -d 'Read the GPUs at this interval, from 100ms to 60s' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l nvml-library -d 'Load this driver library instead of searching for libnvidia-ml.so.1' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l idle-after -d 'Report a GPU with allocated memory as idle after this long below 5 % utilization' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l sleep -d 'Release idle GPUs so that they can be suspended' -r -f -a "auto\t''
never\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l sleep-after -d 'Release GPUs after this long without a process, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l sys-root -d 'Use this root of sysfs, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l control-socket -d 'Accept `release` and `resume` on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l claims -d 'Let users of this host claim GPUs, visibly for all' -r -f -a "true\t''
false\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l claims-socket -d 'Accept claims on this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l claim-max -d 'Accept claims for at most this long, from 1s to 30d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l claim-gpus -d 'Accept claims of at most this many GPUs of a user [default: all]' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l count-containers -d 'Count processes in containers for their account or the container' -r -f -a "account\t''
container\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l container-socket -d 'Get container names from Docker or Podman at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l kubelet-socket -d 'Get the pods of each GPU from the kubelet at this socket' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l kubelet-period -d 'Ask the kubelet at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l commands -d 'Show this much of command lines' -r -f -a "full\t''
masked\t''
name\t''
hidden\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l metrics-names -d 'Name the GPU metrics natively, as dcgm-exporter 4.8 does (dcgm), as 4.9 does (dcgm4.9), or several ways' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l metrics-set -d 'Serve this set of series at /metrics: fleet, standard or full' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l metrics-processes-max -d 'Limit the processes in /metrics to this many' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l dcgm-counters -d 'Serve under dcgm-exporter\'s names the metrics that this file of its selects (its -f)' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l dcgm-hostname-label -d 'Use this label for the host\'s name under dcgm-exporter\'s names' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l dcgm-job-dir -d 'Read the jobs of each GPU from this folder, for dcgm-exporter\'s label hpc_job' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l price-gpu-hour -d 'Show usage with this price of a GPU-hour, such as 1.20EUR' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l history-fine -d 'Keep this much history in steps of 1 s, or of the interval: from 1m to 2h' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l history-coarse -d 'Keep this much history in steps of 10 s, or of the interval: from 1m to 7d' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l history-long -d 'Keep this much history in steps of 5 min, or of the interval: from 1h to 90d, or 0 for none' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l state-dir -d 'Keep history, events and GPU use over a restart in this folder [default: $STATE_DIRECTORY, else none]' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l usage -d 'Count the use of the GPUs with people\'s names, without them, or not at all' -r -f -a "people\t''
totals\t''
off\t''"
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l usage-retention -d 'Keep the use of the GPUs for this long, from 1d to 20y' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l usage-flush -d 'Write the use of the GPUs to its file at this interval, for tests' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l peers -d 'Show these other hosts on the page, such as gpu02=/server2,gpu03=/server3' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l stream-clients -d 'Limit the clients of /api/v1/stream to this many; others must poll' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l log -d 'Log to standard error at this level: error, warn, info or debug' -r
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l dev-root -d 'Use this folder of device files, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l proc-root -d 'Use this root of the proc file system, for tests' -r -F
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l check -d 'Print the configuration, the hosts and the problems, and exit'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l all -d 'List options that are at their default too'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l resolve-pids -d 'Show users and commands although this is not the host\'s PID namespace'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l metrics-processes -d 'Add processes to /metrics, with users, containers and names'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -l metrics-users -d 'Add users to /metrics by name, with their GPU time, energy and memory'
complete -c nvidia-smi-web-agent -n "__fish_nvidia_smi_web_agent_using_subcommand hub" -s h -l help -d 'Print help (see more with \'--help\')'
