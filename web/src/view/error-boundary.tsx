import { Component, type ComponentChildren } from "preact";
import { Banner } from "../components/banner";

/** Catches errors of a view: the rest of the page stays, and reports it. */
export class ErrorBoundary extends Component<{ children: ComponentChildren }, { what: string | null }> {
  override state = { what: null as string | null };

  override componentDidCatch(error: unknown): void {
    this.setState({ what: error instanceof Error ? error.message : String(error) });
  }

  override render() {
    if (this.state.what === null) return this.props.children;
    return (
      <Banner severity="critical" title="This view failed.">
        Please report this error: <q>{this.state.what}</q>
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </Banner>
    );
  }
}
