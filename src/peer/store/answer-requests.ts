import { parentPort } from 'node:worker_threads';
import { END, failureOf, type Numbered, type ThreadAnswer } from './storage-messages.ts';

/** Answers each request to this thread with what `act` returns or throws, one after the other, until it is told to end. */
export function answerRequests<Request>(act: (request: Request) => unknown): void {
  const host = parentPort!;
  host.on('message', (message: Numbered<Request> | typeof END) => {
    if (message === END) process.exit();
    const { id, request } = message;
    let answer: ThreadAnswer;
    try {
      answer = { id, value: act(request) };
    } catch (error) {
      answer = { id, failure: failureOf(error) };
    }
    host.postMessage(answer);
  });
}
