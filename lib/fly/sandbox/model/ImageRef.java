//SOURCES Ids.java JsonNodes.java
package fly.sandbox.model;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** The parts of an image's name, as a Machine's JSON has them. */
public record ImageRef(String registry, String repository, String tag, String digest) {
  private static final String DOCKER_HUB = "registry-1.docker.io";

  private record Named(String name, ImageRef ref) {}

  /** The last one: Machines of a fleet have the same image. */
  private static volatile Named last = new Named("", null);

  /** Without a digest in the name, takes one that is derived from the name. */
  public static ImageRef of(String image) {
    var before = last;
    if (before.ref() != null && before.name().equals(image)) return before.ref();
    var ref = parse(image);
    last = new Named(image, ref);
    return ref;
  }

  private static ImageRef parse(String image) {
    var slash = image.indexOf('/');
    var first = slash < 0 ? "" : image.substring(0, slash);
    var registry = first.contains(".") || first.contains(":");
    var rest = registry ? image.substring(slash + 1) : image;
    var at = rest.indexOf('@');
    var name = at < 0 ? rest : rest.substring(0, at);
    var colon = name.lastIndexOf(':');
    var tag = colon >= 0 ? name.substring(colon + 1) : at < 0 ? "latest" : null;
    return new ImageRef(
        registry ? first : DOCKER_HUB,
        colon < 0 ? name : name.substring(0, colon),
        tag,
        at < 0 ? Ids.digest(image) : rest.substring(at + 1));
  }

  ObjectNode json() {
    var ref = JsonNodes.object().put("registry", registry).put("repository", repository);
    if (tag != null) ref.put("tag", tag);
    ref.put("digest", digest);
    ref.putObject("labels");
    return ref;
  }
}
