# How bash completes fastsync and fastverify. `fastsync completion bash` puts the tables of their options in
# front of this: _fastsync_words sets commands, options, repeatable, positional of a command; _fastsync_value
# sets kind, choices of an option that takes a value.

_fastsync_files() { # [-d]
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "${1:--f}" -- "$cur"))
}

_fastsync_pairs() {
  local i config=()
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    [[ ${words[i]} == --config ]] && config=(--config "${words[i + 1]}")
    [[ ${words[i]} == --config=* ]] && config=("${words[i]}")
  done
  COMPREPLY=($(compgen -W "$("${words[0]/%fastverify/fastsync}" completion pairs "${config[@]}" 2>/dev/null)" -- "$cur"))
}

_fastsync_of_kind() { # kind choices
  case $1 in
    choice) COMPREPLY=($(compgen -W "$2" -- "$cur")) ;;
    volume | file) _fastsync_files ;;
    directory) _fastsync_files -d ;;
    pair) _fastsync_pairs ;;
    command) COMPREPLY=($(compgen -c -- "$cur")) ;;
  esac
}

_fastsync_complete() {
  local commands options repeatable positional kind choices
  local command=${1##*/} given=' ' option='' prefix='' breaks='' word i cur words=()
  # bash cuts words at = and :, which options and the names of devices have: only blanks part words here.
  read -a words <<<"${COMP_LINE:0:COMP_POINT}"
  [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=('')
  cur=${words[${#words[@]} - 1]}
  COMPREPLY=()

  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
    if [[ -n $option ]]; then
      option=''
    elif [[ $word == -* ]]; then
      given+="${word%%=*} "
      [[ $word != *=* ]] && _fastsync_value "$command" "$word" && option=$word
    elif _fastsync_words "$command $word"; then
      command+=" $word"
    else
      given+='positional '
    fi
  done
  if [[ -z $option && $cur == --*=* ]]; then
    option=${cur%%=*} cur=${cur#*=}
    [[ $COMP_WORDBREAKS == *=* ]] || prefix=$option=
    _fastsync_value "$command" "$option" || return 0
  fi

  _fastsync_words "$command" || return 0
  if [[ -n $option ]]; then
    _fastsync_value "$command" "$option" && _fastsync_of_kind "$kind" "$choices"
  elif [[ $cur == -* ]]; then
    for word in $options; do
      # What was given once is not offered again, unless it may be.
      [[ $given == *" $word "* && " $repeatable " != *" $word "* ]] && continue
      [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
  elif [[ $given != *' positional '* || " $repeatable " == *' positional '* ]]; then
    if [[ -n $commands ]]; then
      COMPREPLY=($(compgen -W "$commands" -- "$cur"))
    else
      _fastsync_of_kind "$positional" ''
    fi
  fi

  # bash puts the answer behind the last place where it cut.
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+==
  [[ -n $breaks && $cur == *["$breaks"]* ]] && COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*["$breaks"]}"}"}")
  [[ -n $prefix ]] && COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
  return 0
}
