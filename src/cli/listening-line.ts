import { z } from 'zod';

/** The line that tells programs that an instance is ready, and where. */
export const ListeningSchema = z.object({
  event: z.literal('listening'),
  clientPort: z.int(),
  memberPort: z.int(),
  pid: z.int(),
  cluster: z.string(),
  name: z.string(),
  hosts: z.array(z.string()),
  data: z.string(),
});
export type Listening = z.infer<typeof ListeningSchema>;
