import { parentPort } from 'node:worker_threads';
import { failureOf, type Numbered, type ThreadAnswer } from './storage-messages.ts';

/** Answers each request to this thread with what `act` returns or throws, one after the other. */
export function answerRequests<Request>(act: (request: Request) => unknown): void {
  const host = parentPort!;
  host.on('message', ({ id, request }: Numbered<Request>) => {
    let answer: ThreadAnswer;
    try {
      answer = { id, value: act(request) };
    } catch (error) {
      answer = { id, failure: failureOf(error) };
    }
    host.postMessage(answer);
  });
}
