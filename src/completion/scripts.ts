export type Shell = 'bash' | 'zsh' | 'fish';

export const SHELLS: Shell[] = ['bash', 'zsh', 'fish'];

// Bash has no descriptions: they are shown where it only lists (the second TAB), beside the words.
const BASH = `# pt completion for bash: eval "$(PROGRAM completion bash)"
_pt() {
  local answer line word about width=0
  local -a words abouts
  COMPREPLY=()
  answer="$(PROGRAM __complete --described "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)"
  if [ "$answer" = ":files" ]; then
    compopt -o default
    return
  fi
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    word="\${line%%$'\\t'*}"
    about="\${line#"$word"}"
    words+=("$word")
    abouts+=("\${about#$'\\t'}")
    [ "\${#word}" -le "$width" ] || width="\${#word}"
  done <<< "$answer"
  if [ "\${COMP_TYPE:-9}" -ne 63 ] || [ "\${#words[@]}" -lt 2 ]; then
    COMPREPLY=("\${words[@]}")
    return
  fi
  local at room=$(( \${COLUMNS:-80} - 2 ))
  for at in "\${!words[@]}"; do
    printf -v line '%-*s  %s' "$width" "\${words[at]}" "\${abouts[at]}"
    COMPREPLY+=("\${line:0:room}")
  done
}
complete -o nosort -F _pt PROGRAM
`;

const ZSH = `#compdef PROGRAM
# pt completion for zsh: eval "$(PROGRAM completion zsh)"
_pt() {
  local -a answer described
  local line word
  answer=("\${(@f)$(PROGRAM __complete --described "\${words[@]:1:$((CURRENT - 2))}" "\${words[CURRENT]}" 2>/dev/null)}")
  if [[ "\${answer[1]}" == ":files" ]]; then
    _files
    return
  fi
  for line in "\${answer[@]}"; do
    [[ -n "$line" ]] || continue
    word="\${line%%$'\\t'*}"
    described+=("\${word//:/\\\\:}:\${line#*$'\\t'}")
  done
  (( \${#described} )) && _describe pt described
}
compdef _pt PROGRAM
`;

const FISH = `# pt completion for fish: PROGRAM completion fish | source
function __pt_complete
  set -l words (commandline -opc)
  set -l answer (PROGRAM __complete --described $words[2..-1] (commandline -ct) 2>/dev/null)
  if test "$answer[1]" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c PROGRAM -f -a '(__pt_complete)'
`;

/** The script that makes a shell ask \`pt __complete\` what can stand at the cursor. */
export const completionScript = (shell: Shell, program: string): string =>
  ({ bash: BASH, zsh: ZSH, fish: FISH })[shell].replaceAll('PROGRAM', program);
