import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** Compiles one source after another, from memory to memory; never loads a class it has made. */
public final class Compiler {
    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, String text) {
            super(URI.create("string:///" + name), JavaFileObject.Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    private static final class Made extends SimpleJavaFileObject {
        final ByteArrayOutputStream content = new ByteArrayOutputStream();

        Made(String name) {
            super(URI.create("string:///" + name), JavaFileObject.Kind.CLASS);
        }

        @Override
        public OutputStream openOutputStream() {
            return content;
        }
    }

    private static final class Memory extends ForwardingJavaFileManager<StandardJavaFileManager> {
        final Map<String, Made> made = new LinkedHashMap<>();

        Memory(StandardJavaFileManager below) {
            super(below);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                JavaFileManager.Location place, String name, JavaFileObject.Kind kind, FileObject sibling) {
            String path = name.replace('.', '/') + ".class";
            Made file = new Made("out.class");
            made.put(path, file);
            return file;
        }
    }

    private static byte[] read(DataInputStream in) throws IOException {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return bytes;
    }

    private static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StandardJavaFileManager files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        List<String> options = List.of("-nowarn", "-proc:none", "-implicit:none");
        while (true) {
            Source source;
            try {
                String name = new String(read(in), StandardCharsets.UTF_8);
                source = new Source(name, new String(read(in), StandardCharsets.UTF_8));
            } catch (EOFException end) {
                return;
            }
            Memory memory = new Memory(files);
            StringWriter complaints = new StringWriter();
            boolean done;
            try {
                done = compiler.getTask(complaints, memory, null, options, null, List.of(source)).call();
            } catch (RuntimeException | StackOverflowError error) {
                complaints.write("error: the compiler failed: " + error);
                done = false;
            }
            out.writeByte(done ? 1 : 0);
            if (done) {
                out.writeInt(memory.made.size());
                for (Map.Entry<String, Made> each : memory.made.entrySet()) {
                    write(out, each.getKey().getBytes(StandardCharsets.UTF_8));
                    write(out, each.getValue().content.toByteArray());
                }
            } else {
                write(out, complaints.toString().getBytes(StandardCharsets.UTF_8));
            }
            out.flush();
        }
    }
}
