# Completion of parley in fish:  parley completion fish | source
function __parley_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c parley -f -a '(__parley_complete)'
complete -c parley -n 'test -z (__parley_complete | string collect)' -F
