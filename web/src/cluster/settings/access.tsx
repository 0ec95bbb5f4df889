import { useState } from 'preact/hooks';
import type { Settings } from '../../../../src/api/schemas.ts';
import { adminToken, setAdminToken } from '../../api/api-client.ts';
import { Banner } from '../../components/banner.tsx';
import { Button } from '../../components/button.tsx';
import { TextField } from '../../components/field.tsx';
import { connection } from '../../live/cluster-live.ts';

/** Whether changes can be made from here, and what to do where they cannot. */
export function Access({ settings: { mayWrite, tokenSet } }: { settings: Settings }) {
  const { origin } = connection.value;
  if (origin !== '') {
    return (
      <Banner tone="warning" title="Nothing can be changed from here now">
        This page came from another instance than the one that answers. Open <a href={`${origin}/settings`}>{origin}</a>{' '}
        instead.
      </Banner>
    );
  }
  if (mayWrite && adminToken.value === '') return null;
  if (mayWrite) {
    return (
      <Banner
        tone="ok"
        title="You change this cluster with the admin token"
        actions={
          <Button size="small" onClick={() => setAdminToken('')}>
            Forget it
          </Button>
        }
      >
        It is kept until this tab is closed.
      </Banner>
    );
  }
  if (!tokenSet) {
    return (
      <Banner tone="info" title="Changes can be made on the instance's own machine only">
        To allow them from here, start the instance with an admin token (<code>--admin-token-file</code>).
      </Banner>
    );
  }
  return <TokenForm />;
}

function TokenForm() {
  const [token, setToken] = useState('');
  const refused = adminToken.value !== '';
  return (
    <Banner
      tone={refused ? 'danger' : 'info'}
      title={
        refused ? 'That is not the admin token of this instance' : 'Changes from another machine need the admin token'
      }
    >
      <form
        class="token-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') setAdminToken(token.trim());
        }}
      >
        <TextField
          label="Admin token"
          hideLabel
          placeholder="Admin token"
          type="password"
          value={token}
          onValue={setToken}
        />
        <Button type="submit" variant="primary">
          Use it
        </Button>
      </form>
    </Banner>
  );
}
