// Runs pytest in Pyodide under Node: node pyodide_tests.mjs PAGE ROOT PACKAGES ARGUMENTS OF PYTEST
const [page, root, packages, ...options] = process.argv.slice(2);
const { loadPyodide } = await import(`${page}/node_modules/pyodide/pyodide.mjs`);
const python = await loadPyodide({ env: { HOME: "/home", PYTEST_DISABLE_PLUGIN_AUTOLOAD: "1", PYTHONDONTWRITEBYTECODE: "1" } });
for (const [place, folder] of [["/repository", root], ["/packages", packages]]) {
  python.FS.mkdirTree(place);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, place);
}
python.FS.chdir("/repository");
const run = python.runPython(`
import sys
sys.path[:0] = ["/repository", "/packages"]
import pytest
lambda options: int(pytest.main(options.to_py()))
`);
process.exit(run(options));
