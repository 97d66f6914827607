# Completion of parley in bash. In ~/.bashrc:  source <(parley completion bash)
_parley() {
  local IFS=$'\n' line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS=$'\t' read -r line _; do
    COMPREPLY+=("$line")
  done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
}
complete -o default -F _parley parley
