import {
  ColumnDefinitionNode,
  DataTypeNode,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  RawNode,
} from 'kysely'

/**
 * Makes of the migrations, which are written in the words of SQLite, what PostgreSQL understands and what behaves the same:
 * texts are ordered and compared by their bytes, whatever the database's own collation is, and a number that counts up is an
 * identity column.
 */
class PostgresColumns extends OperationNodeTransformer {
  protected override transformColumnDefinition(node: ColumnDefinitionNode): ColumnDefinitionNode {
    const column = super.transformColumnDefinition(node)
    if (column.autoIncrement) {
      const { autoIncrement: _, ...rest } = column
      return { ...rest, dataType: DataTypeNode.create('bigserial') }
    }
    return isText(column.dataType) ? { ...column, dataType: BYTEWISE_TEXT } : column
  }
}

const isText = (type: OperationNode) => DataTypeNode.is(type) && type.dataType === 'text'
const BYTEWISE_TEXT = RawNode.createWithSql('text collate "C"')

/** The plugin for the connection that migrates PostgreSQL. */
export function postgresColumns(): KyselyPlugin {
  const columns = new PostgresColumns()
  return {
    transformQuery: ({ node, queryId }) => columns.transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  }
}
