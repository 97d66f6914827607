#compdef parley
# Completion of parley in zsh. In ~/.zshrc, after compinit:  source <(parley completion zsh)
_parley() {
  local -a found
  local word doc
  while IFS=$'\t' read -r word doc; do
    found+=("${word//:/\\:}:$doc")
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( ${#found} )); then
    _describe parley found
  else
    _files
  fi
}
compdef _parley parley
