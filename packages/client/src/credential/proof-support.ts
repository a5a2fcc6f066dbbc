// Completes a token request with a credential, as the token layer would, and shows what it put in.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Credential, ProofContext, TokenForm } from './credential.ts'

export const CONTEXT: ProofContext = {
  clientId: 'a daemon: näme+1',
  tokenEndpoint: 'https://login.example/contoso.example/oauth2/v2.0/token',
  nowMs: Date.UTC(2026, 8, 21),
  randomUuid: () => crypto.randomUUID(),
}

export async function proofOf(credential: Credential) {
  const form: TokenForm = { body: new URLSearchParams(), headers: {} }
  await credential(form, CONTEXT)
  return { body: Object.fromEntries(form.body), headers: form.headers }
}

/** The path of a file that is not there yet, in a folder of its own that goes with the test. */
export async function newFile(t: Pick<TestContext, 'after'>, name = 'credential'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tomte-client-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return join(folder, name)
}
