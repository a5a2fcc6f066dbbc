// Why: what works in the workspace may not work as published: a file left out, a dependency not named, a type that leans on
// the sources. So npm installs all packages as they are packed, and the README's example of each is compiled and run where
// nothing can be found but what it says that it needs.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { api, AppIdentity, certificate } from '@tomte/client'
import { type Platform, startPlatform } from '@tomte/platform'
import { binary } from './binary.ts'
import { root } from './files.ts'
import { installedAlone, PACKAGES, packPackages, type Packed, readmeExamples } from './packed.ts'

const run = promisify(execFile)

describe('a package installed with what it names', { concurrency: true }, () => {
  let packed: Packed | undefined
  let everything: string
  let platform: Platform
  let dataFolder: string
  before(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'tomte-packed-platform-'))
    platform = await startPlatform({ dataFolder, port: 0 })
    packed = await packPackages()
    everything = await packed.install(PACKAGES, 'fastify@5')
  })
  after(async () => {
    await platform.close()
    await packed?.remove()
    await rm(dataFolder, { recursive: true, force: true })
  })

  /** Makes the folder, writes the README's examples as 0.ts, 1.ts …, and compiles them against the published declarations. */
  async function installed(name: string, ...others: readonly string[]): Promise<string> {
    const folder = await installedAlone(everything, name, ...others)
    const examples = await readmeExamples(name)
    assert.ok(examples.length > 0)
    await Promise.all(examples.map((code, index) => writeFile(join(folder, `${index}.ts`), code)))
    const compilerOptions = {
      noEmit: true,
      noUnusedLocals: false,
      typeRoots: [join(root, 'node_modules', '@types')],
    }
    const config = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions,
      files: examples.map((_, index) => `${index}.ts`),
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    await run(process.execPath, binary('tsc', '-p', folder)).catch((error: { stdout: string }) => {
      assert.fail(error.stdout)
    })
    return folder
  }

  const environment = () => ({
    ...process.env,
    NODE_OPTIONS: '',
    // Nobody meets these files again.
    NODE_DISABLE_COMPILE_CACHE: '1',
    NODE_EXTRA_CA_CERTS: platform.caFile,
    AZURE_TENANT_ID: platform.operator.tenantId,
    AZURE_CLIENT_ID: platform.operator.clientId,
    AZURE_CLIENT_CERTIFICATE_PATH: platform.operator.certificateFile,
    AZURE_AUTHORITY_HOST: platform.origin,
    GRAPH_ENDPOINT: platform.graphUrl,
    PORT: '0',
  })

  const program = (folder: string, file: string) =>
    run(process.execPath, [file], { cwd: folder, env: environment(), timeout: 60_000 })

  async function createPeople(names: readonly string[]): Promise<void> {
    const { tenantId, clientId, certificateFile } = platform.operator
    const credential = certificate({ file: certificateFile })
    const authority = { authorityHost: platform.origin, ca: platform.ca }
    const identity = new AppIdentity({ tenantId, clientId, credential, ...authority })
    const scope = 'https://graph.microsoft.com/.default'
    const directory = api(identity, { baseUrl: platform.graphUrl, scope, ca: platform.ca })
    for (const name of names) {
      await directory.post('/users', {
        accountEnabled: true,
        displayName: name,
        mailNickname: name,
        userPrincipalName: `${name}@contoso.example`,
        passwordProfile: { password: 'Never-signs-in-1', forceChangePasswordNextSignIn: true },
      })
    }
  }

  it('client: lists the people of a directory', async () => {
    const folder = await installed('client')
    const { stderr } = await program(folder, '0.ts')
    assert.equal(stderr, '')
  })

  it('jobs: runs a job to its end', async () => {
    await createPeople(['asa', 'berg'])
    const { stdout } = await program(await installed('jobs', 'zod'), '0.ts')
    assert.equal(stdout, '2 people greeted\n')
  })

  it('platform: starts, says where it is, and ends', async () => {
    const { stdout } = await program(await installed('platform'), '0.ts')
    assert.match(stdout, /^https:\/\/localhost:\d+\n/)
  })

  it('cli: runs the job of tomte.config.ts', async () => {
    const folder = await installed('cli', 'zod')
    await writeFile(join(folder, 'tomte.config.ts'), (await readmeExamples('cli'))[1] ?? '')
    const { stdout } = await program(folder, '0.ts')
    assert.equal(typeof (JSON.parse(stdout) as { people: unknown }).people, 'number')
    const command = join(folder, 'node_modules', 'tomte', 'dist', 'bin.js')
    await assert.rejects(run(process.execPath, [command, 'walk'], { cwd: folder, env: environment() }), {
      code: 2,
    })
  })

  it('guard: refuses who brings no token', async (t) => {
    const folder = await installed('guard', 'fastify')
    const child = spawn(process.execPath, ['0.ts'], {
      cwd: folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill())
    const [address] = (await once(createInterface({ input: child.stdout }), 'line', {
      signal: AbortSignal.timeout(60_000),
    })) as [string]
    const { status, headers } = await fetch(`${address}/orders`)
    assert.deepEqual([status, headers.get('www-authenticate')?.split(' ')[0]], [401, 'Bearer'])
  })
})
