import {
  BinaryOperationNode,
  ColumnNode,
  type KyselyPlugin,
  OperatorNode,
  type PluginTransformQueryArgs,
  PrimitiveValueListNode,
  QueryNode,
  ReferenceNode,
  type RootOperationNode,
  TableNode,
} from 'kysely'
import type { Now } from '../clock.ts'
import type { Database } from '../store/database.ts'
import { ReadCache } from '../store/read-cache.ts'
import { DrillError } from './fault.ts'

const SECONDS_MAX = 24 * 60 * 60
// Each is named in every read that looks for one of its kind, and databases take some 30,000 values in a statement.
const HIDDEN_MAX = 10_000

/** What takes its time until every server of Entra knows it, and the column that tells one from another. */
const DELAYED = {
  password_credential: 'key_id',
  key_credential: 'key_id',
  federated_credential: 'id',
  app_role_assignment: 'id',
} as const
type Delayed = keyof typeof DELAYED
const TABLES = Object.keys(DELAYED) as readonly Delayed[]

/**
 * New secrets, certificates, federated credentials and grants, hidden from token requests for some seconds by the platform's
 * clock, as they are where one server of Entra has them and another not yet. The directory shows them at once.
 */
export class Replication {
  readonly #db: Database
  readonly #now: Now
  #delayMs = 0
  #known = new Set<string>()
  readonly #hidden = new Map<string, { readonly table: Delayed; readonly untilMs: number }>()
  #looking: Promise<void> = Promise.resolve()

  constructor(db: Database, now: Now) {
    this.#db = db
    this.#now = now
  }

  /** Delays what is made from now on by so many seconds, 1 to 86,400. What is there stays visible. @throws DrillError */
  async delay(seconds: unknown): Promise<void> {
    if (!Number.isInteger(seconds) || Number(seconds) < 1 || Number(seconds) > SECONDS_MAX)
      throw new DrillError(`'seconds' must be a whole number from 1 to ${SECONDS_MAX}.`)
    if (this.#delayMs === 0) this.#known = new Set((await this.#rows()).map(({ id }) => id))
    this.#delayMs = Number(seconds) * 1000
  }

  /** Shows everything at once. */
  end(): void {
    this.#delayMs = 0
    this.#known = new Set()
    this.#hidden.clear()
  }

  /** Notices what has been made since the last look: its delay begins now. */
  look(): Promise<void> {
    if (this.#delayMs === 0) return Promise.resolve()
    this.#looking = this.#looking.catch(() => {}).then(() => this.#notice())
    return this.#looking
  }

  async #notice(): Promise<void> {
    const rows = await this.#rows()
    if (this.#delayMs === 0) return
    const untilMs = this.#now() + this.#delayMs
    for (const { id, table } of rows) {
      if (this.#known.has(id)) continue
      this.#known.add(id)
      if (this.#hidden.size < HIDDEN_MAX) this.#hidden.set(id, { table, untilMs })
    }
  }

  async #rows(): Promise<readonly { readonly table: Delayed; readonly id: string }[]> {
    const found = []
    for (const table of TABLES) {
      const rows = await this.#db
        .selectFrom(table as 'app_role_assignment')
        .select((row) => row.ref(DELAYED[table] as 'id').as('id'))
        .execute()
      for (const { id } of rows) found.push({ table, id })
    }
    return found
  }

  /** The ids that no token request may find yet, by their tables. */
  hidden(): ReadonlyMap<Delayed, readonly string[]> {
    const nowMs = this.#now()
    for (const [id, { untilMs }] of this.#hidden) if (nowMs >= untilMs) this.#hidden.delete(id)
    const ids = Map.groupBy(this.#hidden, ([, { table }]) => table)
    return new Map([...ids].map(([table, entries]) => [table, entries.map(([id]) => id)]))
  }

  /** As `GET /drills` shows it. */
  report(): object {
    const waiting = [...this.hidden().values()].reduce((sum, ids) => sum + ids.length, 0)
    return { delaySeconds: this.#delayMs / 1000, waiting }
  }
}

/** What token requests read while new rows may be hidden from them: then nothing is kept, as it changes without a write. */
export class LaggingReads extends ReadCache {
  readonly #cache: ReadCache
  readonly #replication: Replication

  constructor(cache: ReadCache, replication: Replication) {
    super(cache.db)
    this.#cache = cache
    this.#replication = replication
  }

  override get size(): number {
    return this.#cache.size
  }

  override async read<T>(key: string, query: (db: Database) => Promise<T>): Promise<T> {
    await this.#replication.look()
    const hidden = this.#replication.hidden()
    if (hidden.size === 0) return this.#cache.read(key, query)
    return query(this.db.withPlugin(new HiddenRows(hidden)))
  }

  override drop(): void {
    this.#cache.drop()
  }
}

/** Leaves rows out of every query of a delayed table. */
class HiddenRows implements KyselyPlugin {
  readonly #ids: ReadonlyMap<Delayed, readonly string[]>

  constructor(ids: ReadonlyMap<Delayed, readonly string[]>) {
    this.#ids = ids
  }

  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    if (node.kind !== 'SelectQueryNode') return node
    const [from] = node.from?.froms ?? []
    if (!from || !TableNode.is(from)) return node
    const table = TABLES.find((name) => name === from.table.identifier.name)
    const ids = table && this.#ids.get(table)
    if (!ids) return node
    const id = ReferenceNode.create(ColumnNode.create(DELAYED[table]), TableNode.create(table))
    const others = OperatorNode.create('not in')
    return QueryNode.cloneWithWhere(
      node,
      BinaryOperationNode.create(id, others, PrimitiveValueListNode.create(ids)),
    )
  }

  transformResult: KyselyPlugin['transformResult'] = ({ result }) => Promise.resolve(result)
}
