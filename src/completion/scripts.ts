export type Shell = 'bash' | 'zsh' | 'fish';

export const SHELLS: Shell[] = ['bash', 'zsh', 'fish'];

const BASH = `# pt completion for bash: eval "$(pt completion bash)"
_pt() {
  local answer
  answer="$(pt __complete "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)"
  COMPREPLY=()
  if [ "$answer" = ":files" ]; then
    compopt -o default
  else
    local IFS=$'\\n'
    COMPREPLY=($answer)
  fi
}
complete -F _pt pt
`;

const ZSH = `#compdef pt
# pt completion for zsh: eval "$(pt completion zsh)"
_pt() {
  local -a answer
  answer=("\${(@f)$(pt __complete "\${words[@]:1:$((CURRENT - 2))}" "\${words[CURRENT]}" 2>/dev/null)}")
  if [[ "\${answer[1]}" == ":files" ]]; then
    _files
  elif [[ -n "\${answer[1]}" ]]; then
    compadd -- "\${answer[@]}"
  fi
}
compdef _pt pt
`;

const FISH = `# pt completion for fish: pt completion fish | source
function __pt_complete
  set -l words (commandline -opc)
  set -l answer (pt __complete $words[2..-1] (commandline -ct) 2>/dev/null)
  if test "$answer[1]" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $answer
  end
end
complete -c pt -f -a '(__pt_complete)'
`;

/** The script that makes a shell ask \`pt __complete\` what can stand at the cursor. */
export const completionScript = (shell: Shell): string => ({ bash: BASH, zsh: ZSH, fish: FISH })[shell];
