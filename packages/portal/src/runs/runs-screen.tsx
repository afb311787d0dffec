export { NotFoundScreen as RunsScreen } from '#src/shell/other-screens.tsx'
