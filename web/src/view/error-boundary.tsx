import { Component, type ComponentChildren } from "preact";
import { Banner } from "./banners";

/** Where a view breaks, on our own fault: the rest of the page stays, and says so. */
export class ErrorBoundary extends Component<{ children: ComponentChildren }, { what: string | null }> {
  override state = { what: null as string | null };

  override componentDidCatch(error: unknown): void {
    this.setState({ what: error instanceof Error ? error.message : String(error) });
  }

  override render() {
    if (this.state.what === null) return this.props.children;
    return (
      <Banner severity="critical" title="This view has broken.">
        Please report it, with these words: <q>{this.state.what}</q>
        <button type="button" onClick={() => location.reload()}>
          Load the page anew
        </button>
      </Banner>
    );
  }
}
