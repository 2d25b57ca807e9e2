import { OneBack } from './prompts.ts';

/**
 * Asks a question and goes on with its answer. Esc at the next question asks this one again, with the answer of before as the proposal.
 * @param ask is given that answer, null the first time
 */
export async function step<A, T>(ask: (before: A | null) => Promise<A>, next: (answer: A) => Promise<T>): Promise<T> {
  let before: A | null = null;
  for (;;) {
    const answer = await ask(before);
    try {
      return await next(answer);
    } catch (error) {
      if (!(error instanceof OneBack)) throw error;
      before = answer;
    }
  }
}
