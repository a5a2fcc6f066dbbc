// What a process pays at its start: to import a client, and to get its first token, over a process that does nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Row, row } from '../row.ts'
import { CLIENT, SCOPE, SECRET, type ScriptedAuthority, tenantId } from './authority.ts'
import { interleaved } from './rounds.ts'

const ROUNDS = 15
const IMPORT_LIMIT_MS = 15
const bench = join(import.meta.dirname, '..')

export async function freshProcess(authority: ScriptedAuthority, installed: string): Promise<Row[]> {
  const file = async (name: string, text: string) => {
    const path = join(installed, name)
    await writeFile(path, text)
    return path
  }
  const empty = await file('empty.js', 'export {}\n')
  const imports = {
    empty,
    ours: await file('import-tomte.js', "import '@tomte/client/tokens'\n"),
    msal: await file('import-msal.js', `import '${import.meta.resolve('@azure/msal-node')}'\n`),
    azure: await file('import-identity.js', `import '${import.meta.resolve('@azure/identity')}'\n`),
  }
  const ours = join(installed, 'first-tomte.js')
  await copyFile(join(bench, 'peers', 'first-tomte.js'), ours)
  const firsts = {
    empty,
    ours,
    bare: join(bench, 'floors', 'first-request.js'),
    msal: join(bench, 'peers', 'first-msal.js'),
    azure: join(bench, 'peers', 'first-identity.js'),
  }
  return [
    ...importRows(await interleaved(ROUNDS, works(imports, authority))),
    ...firstRows(await interleaved(ROUNDS, works(firsts, authority))),
  ]
}

function importRows(ms: Readonly<Record<'empty' | 'ours' | 'msal' | 'azure', number>>): Row[] {
  const what = 'import over an empty module'
  const shared = { what, ours: ms.ours - ms.empty, unit: 'ms' }
  const limit = { theirs: IMPORT_LIMIT_MS, against: 'limit', goal: `<= ${IMPORT_LIMIT_MS}` }
  return [
    row({ ...shared, ...limit }),
    row({ ...shared, theirs: ms.msal - ms.empty, against: 'msal-node', goal: '<= 1' }),
    row({ ...shared, theirs: ms.azure - ms.empty, against: '@azure/identity', goal: '<= 1' }),
  ]
}

function firstRows(ms: Readonly<Record<'empty' | 'ours' | 'bare' | 'msal' | 'azure', number>>): Row[] {
  const what = 'first token over an empty process'
  const shared = { what, ours: ms.ours - ms.empty, unit: 'ms' }
  return [
    row({ ...shared, theirs: ms.bare - ms.empty, against: 'one bare request', goal: '<= 1.3' }),
    row({ ...shared, theirs: ms.msal - ms.empty, against: 'msal-node', goal: '<= 1' }),
    row({ ...shared, theirs: ms.azure - ms.empty, against: '@azure/identity', goal: '<= 1' }),
  ]
}

/** Each program from its start to its end, with the authority's address as its arguments. */
function works<Name extends string>(programs: Readonly<Record<Name, string>>, authority: ScriptedAuthority) {
  const { origin, caFile } = authority
  const args = [origin, tenantId(9), CLIENT, SECRET, SCOPE, caFile]
  const work = (program: string) => async () => {
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: caFile }
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    const [code] = await once(child, 'exit')
    if (code !== 0) throw new Error(`Cannot measure: ${program} ended with code ${code}`)
  }
  const entries = Object.entries<string>(programs).map(([name, program]) => [name, work(program)])
  return Object.fromEntries(entries) as Record<Name, () => Promise<void>>
}
