import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryFolder, World } from '../test-support.ts'
import { databaseRules, directoryRules } from './conformance-test-support.ts'
import { credentialRules } from './credential-rules-test-support.ts'
import { peopleRules } from './people-rules-test-support.ts'
import { type OwnDatabase, ownDatabase } from './postgres-test-support.ts'
import { openStore, type Store } from './store.ts'

const server = process.env['DATABASE_URL'] ?? ''
const noPostgres = server === '' && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'

// A collation for people, to show that the platform's own order does not depend on it.
const LIBRARY_ORDER = "template template0 encoding 'UTF8' locale_provider icu icu_locale 'de-DE'"

const STORES: readonly (readonly [name: string, skip: string | false, own?: () => Promise<OwnDatabase>])[] = [
  ['SQLite', false],
  ['PostgreSQL', noPostgres, () => ownDatabase(server, LIBRARY_ORDER)],
]

for (const [name, skip, own] of STORES) {
  describe(`a store on ${name}`, { skip }, () => {
    let folder: string
    let database: OwnDatabase | undefined
    let second: OwnDatabase | undefined
    let store: Store
    let world: World
    before(async () => {
      folder = await temporaryFolder()
      database = await own?.()
      second = await own?.()
      store = await openStore({ dataFolder: folder, database: database?.url })
      world = await World.start(join(folder, 'world'), { database: second?.url })
    })
    after(async () => {
      await store.close()
      await world.stop()
      await database?.remove()
      await second?.remove()
      await rm(folder, { recursive: true, force: true })
    })

    for (const rule of databaseRules) it(rule.name, () => rule.holds(store))
    for (const rule of [...directoryRules, ...peopleRules, ...credentialRules])
      it(rule.name, () => rule.holds(world))
  })
}
