/** One command of a script: its words, how it is joined to the one before, and how it ends. */
export interface SimpleCommand {
  /** `dynamic`: the text holds an expansion, so it is not what the shell will see. */
  readonly words: readonly { readonly text: string; readonly dynamic: boolean }[];
  readonly joinedBy: '' | ';' | '&&' | '||';
  /** `&`: runs in the background. `|`: feeds a pipe. */
  readonly endsIn: '' | '&' | '|';
}

const reserved = new Set(
  'if then elif else fi for while until do done case esac function select time ! { } [[ trap return eval . source break continue'.split(
    ' ',
  ),
);

/**
 * The simple commands at the beginning of a POSIX shell script, up to the first construct that needs a real shell
 * (`understood` false then). One pass over the text.
 */
export function splitScript(script: string): { commands: SimpleCommand[]; understood: boolean } {
  const commands: SimpleCommand[] = [];
  let words: { text: string; dynamic: boolean }[] = [];
  let word: { text: string; dynamic: boolean } | undefined;
  let joinedBy: SimpleCommand['joinedBy'] = '';
  let redirecting = false;

  const endWord = (): void => {
    if (word !== undefined && redirecting) redirecting = false;
    else if (word !== undefined) words.push(word);
    word = undefined;
  };
  const add = (text: string, dynamic = false): void => {
    word = { text: (word?.text ?? '') + text, dynamic: dynamic || word?.dynamic === true };
  };
  /** False: the command begins with a word that only a real shell understands. */
  const endCommand = (endsIn: SimpleCommand['endsIn'], next: SimpleCommand['joinedBy']): boolean => {
    endWord();
    redirecting = false;
    if (words.length > 0) {
      if (reserved.has(words[0]?.text ?? '')) return false;
      commands.push({ words, joinedBy, endsIn });
      joinedBy = next;
    } else if (next !== ';') {
      return false;
    }
    words = [];
    return true;
  };
  const stop = { commands, understood: false };

  for (let at = 0; at < script.length; at += 1) {
    const char = script[at] ?? '';
    const pair = script.slice(at, at + 2);
    if (char === '\\') {
      at += 1;
      if (script[at] !== '\n') add(script[at] ?? '');
    } else if (char === "'") {
      const end = script.indexOf("'", at + 1);
      if (end === -1) return stop;
      add(script.slice(at + 1, end));
      at = end;
    } else if (char === '"') {
      const end = closingQuote(script, at + 1);
      if (end === -1) return stop;
      const inside = script.slice(at + 1, end);
      add(inside.replaceAll(/\\(["\\$`])/g, '$1'), /[$`]/.test(inside));
      at = end;
    } else if (char === '`' || pair === '$(' || char === '(' || char === ')' || pair === '<<') {
      return stop;
    } else if (char === '$' || char === '*' || char === '?' || char === '~') {
      add(char, true);
    } else if (char === '>' || char === '<') {
      if (word !== undefined && /^\d+$/.test(word.text)) word = undefined;
      endWord();
      redirecting = true;
      while (script[at + 1] === '>' || script[at + 1] === '&' || script[at + 1] === '|') at += 1;
    } else if (char === '#' && word === undefined) {
      const end = script.indexOf('\n', at);
      at = (end === -1 ? script.length : end) - 1;
    } else if (pair === '&&' || pair === '||') {
      if (!endCommand('', pair)) return stop;
      at += 1;
    } else if (char === '|') {
      if (!endCommand('|', ';')) return stop;
    } else if (char === '&') {
      if (!endCommand('&', ';')) return stop;
    } else if (char === ';' || char === '\n') {
      if (pair === ';;' || !endCommand('', ';')) return stop;
    } else if (/\s/.test(char)) {
      endWord();
    } else {
      add(char);
    }
  }
  return { commands, understood: endCommand('', ';') };
}

function closingQuote(script: string, from: number): number {
  for (let at = from; at < script.length; at += 1) {
    if (script[at] === '\\') at += 1;
    else if (script[at] === '"') return at;
  }
  return -1;
}
