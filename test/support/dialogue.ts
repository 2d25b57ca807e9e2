import { KEYS, plain, type Typist } from './pty.ts';

const DOWN = '\x1b[B';

/** Moves to the choice of that text and takes it: each key waits until the screen shows what the one before it did. */
export async function choose(typist: Typist, question: string, choice: RegExp): Promise<void> {
  const asked = (screen: string): string =>
    plain(screen).split('\r').join('').slice(plain(screen).lastIndexOf(question));
  /** How often the list was drawn to its end. */
  const drawn = (text: string): number => text.split('⏎ select').length - 1;
  const marked = new RegExp(`❯ [^\n]*${choice.source}`);
  for (let moves = 0; moves < 20; moves++) {
    await typist.shows((screen) => screen.includes(question) && drawn(asked(screen)) > 0);
    const before = typist.screen();
    if (marked.test(asked(before))) {
      typist.type(KEYS.enter);
      return;
    }
    typist.type(DOWN);
    await typist.shows((screen) => drawn(plain(screen)) > drawn(plain(before)));
  }
  throw new Error(`no choice ${choice.source}:\n${plain(typist.screen())}`);
}

/** Answers a question; an empty answer takes what is proposed. */
export async function answer(typist: Typist, question: string, text: string): Promise<void> {
  await typist.shows(question);
  typist.type(`${text}${KEYS.enter}`);
}
